"""The commands that look into hash rings, and write them."""
