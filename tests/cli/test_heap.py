"""What was large and is freed is given back to the system, and what is held is not looked over all the time."""

import platform
import subprocess
import sys

import pytest

_GROWN = """
import ctypes
from pathlib import Path
from cortexctl.cli.heap import give_back_large_buffers

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1])

{call}
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
libc.free(libc.malloc(20 << 20))
before = resident()
large = [libc.malloc(1 << 20) for _ in range(40)]
held = []
for each in large:
    ctypes.memset(ctypes.c_void_p(each), 1, 1 << 20)
    held.append(libc.malloc(64))
    libc.free(libc.malloc(1000))
last = libc.malloc(100_000)
for each in large:
    libc.free(each)
print((resident() - before) * 4096 >> 20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library has a heap of its own")
def test_large_buffers_are_given_back() -> None:
    def grown_mib(call: str) -> int:
        script = _GROWN.format(call=call)
        return int(subprocess.run((sys.executable, "-c", script), capture_output=True, text=True, check=True).stdout)

    assert grown_mib("") > 20, "glibc does it by itself"
    assert grown_mib("give_back_large_buffers()") < 5


_LOOKS = """
import gc
from cortexctl.cli.heap import collect_seldom

{call}
before = gc.get_stats()[0]["collections"]
held = [[] for _ in range(100_000)]
print(gc.get_stats()[0]["collections"] - before)
"""


def test_garbage_is_looked_for_seldom() -> None:
    def looks(call: str) -> int:
        script = _LOOKS.format(call=call)
        return int(subprocess.run((sys.executable, "-c", script), capture_output=True, text=True, check=True).stdout)

    assert looks("") > 40, "Python does so by itself"
    assert 0 < looks("collect_seldom()") < 20
