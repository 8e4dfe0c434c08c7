"""Inspect and repair Cortex hash rings and block buckets, and plan compactor disk."""

__version__ = "0.1.0"
