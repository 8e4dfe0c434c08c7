"""The heaps, told what this program is like: it holds much that is alike for long, and makes no cycles to speak of."""

import gc

_M_MMAP_THRESHOLD = -3  # malloc.h
_LARGE_BYTES = 256 << 10


def give_back_large_buffers() -> None:
    """Have glibc map each large buffer on its own, and so give it back when it is freed.

    By itself it does so only until the first one is freed. From then on buffers as large come from the heap, which
    stays as big as it ever was: a fifth of the peak of a rebuild of 200 000 blocks. Elsewhere nothing happens.
    """
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


def collect_seldom() -> None:
    """Have Python look for cycles of garbage after ten thousand new objects, not after seven hundred.

    Each look goes over what is held. While large tenants are read it took a fifth of the processor time, for nothing.
    """
    gc.set_threshold(10_000, 20, 20)
