"""What a change is, apart from what it changes: operations, plans, and how they are applied and undone. Pure."""
