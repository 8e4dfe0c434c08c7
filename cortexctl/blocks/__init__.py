"""One tenant's prefix of a bucket: its keys, marks, bucket index, and what is wrong with them. Pure."""
