"""What a long-lived service with many threads asks of the interpreter and of the C library it stands on."""

import ctypes
import gc
import sys
from contextlib import suppress

# a thread that computes gives way to one that wakes after so long: each call to a database is such a waking, and the
# interpreter's own 5 ms made twenty of them a tenth of a second
SWITCH_INTERVAL_S = 0.0005
COLLECTOR_THRESHOLDS = (50_000, 20, 10)  # the interpreter's own are 700, 10, 10: for programs that keep little
ARENAS_MAX = 2
_M_ARENA_MAX = -8  # glibc, malloc.h


def settle_in() -> None:
    """Once, when all is imported and no thread has been started yet."""
    spare_the_collector()
    share_arenas()
    sys.setswitchinterval(SWITCH_INTERVAL_S)


def spare_the_collector() -> None:
    """What a start leaves in memory stays there: it is not looked through again, and the young are less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)


def share_arenas() -> None:
    """Each thread would get an arena that keeps the most it ever held: forty threads, forty of the largest bodies.

    As one thread runs at a time, two arenas are as fast. Other C libraries than glibc have no arenas to share.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, ARENAS_MAX)
