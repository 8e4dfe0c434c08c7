"""Benchmarks of cortexctl against a synthetic bucket on a local S3 stub."""
