"""The commands that look into a bucket, and repair it."""
