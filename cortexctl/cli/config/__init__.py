"""`cortexctl config`: Cortex's configuration, and our own."""
