"""What the commands of rings do."""
