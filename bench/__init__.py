"""Benchmarks of cortexctl: a synthetic bucket on a local S3 stub, a large ring, and many pods over loopback."""
