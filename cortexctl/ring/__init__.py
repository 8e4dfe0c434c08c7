"""Cortex's hash rings, without I/O: what a descriptor, a page or a token file says, and what Cortex makes of it."""
