from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SCRIPT = """
import re, sys, threading
from pathlib import Path
from globaldns.app.heap import WORKER_OCTETS, give_back_what_is_free

def mib():
    return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

def work():
    some = [bytes(size) for size in range(1 << 20, 1 << 22, 1 << 18) for _ in range(4)]
    kept.append([bytes(1000) for _ in range(100)])

kept = []
if sys.argv[1] == "one":
    assert give_back_what_is_free(WORKER_OCTETS)
before = mib()
for _ in range(6):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
print(mib() - before)
"""


def grown(heaps: str) -> float:
    """Return by how many MiB a process has grown whose threads had much, and kept little."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, heaps], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="mallopt(3) is glibc's")
def test_what_is_large_and_free_goes_back_to_the_system() -> None:
    assert grown("one") < 4 < grown("many")
