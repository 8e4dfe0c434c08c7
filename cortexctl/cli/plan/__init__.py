"""`cortexctl plan`: what compaction has to do, what it needs for that, and what store-gateways hold."""
