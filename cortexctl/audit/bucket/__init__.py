"""What the commands of a bucket do."""
