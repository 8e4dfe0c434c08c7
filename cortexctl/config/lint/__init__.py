"""What in a configuration of Cortex will hurt: its keys, its values, and how they go together."""
