"""What the planning commands do."""
