"""What the interpreter is asked for holds in a process that does as a service does."""

import subprocess
import sys

# each of many threads holds a large body for a moment, all at once; then nobody holds anything
THREADS_WITH_BODIES = """
import sys, threading
from pathlib import Path
from services.runtime import interpreter
if sys.argv[1] == "settled":
    interpreter.settle_in()
everybody = threading.Barrier(40)
def hold():
    everybody.wait()
    pieces = [bytes(60_000) for _ in range(100)]
    everybody.wait()
    last = bytes(100)  # what is kept at the end of an arena keeps the arena
    del pieces
    everybody.wait()
threads = [threading.Thread(target=hold) for _ in range(40)]
[t.start() for t in threads]
[t.join() for t in threads]
reserved = [line.split()[0].split("-") for line in Path("/proc/self/maps").read_text().splitlines() if "---p" in line]
print(sum(int(end, 16) - int(begin, 16) for begin, end in reserved) >> 20)
"""


def reserved_mib(how: str) -> int:
    """Each arena sets 64 MiB of addresses apart, most of it untouched."""
    ran = subprocess.run([sys.executable, "-c", THREADS_WITH_BODIES, how], capture_output=True, text=True, check=True)
    return int(ran.stdout)


def test_many_threads_share_what_memory_they_give_back():
    assert reserved_mib("settled") * 3 < reserved_mib("as it comes")
