"""A bucket saved in a file: how it is written, read, and stood in for by."""
