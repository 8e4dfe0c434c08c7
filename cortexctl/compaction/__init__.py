"""What compactors do with a tenant's blocks: which jobs, in which order, on how much disk. Pure: no I/O, no clock."""
