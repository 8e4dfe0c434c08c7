"""The C library's heap, from which the bytes of objects come: where it can be told to, it keeps no large ones."""

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
