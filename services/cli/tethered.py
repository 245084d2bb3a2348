"""`python -m services.cli.tethered NAME`: a command that ends at once when the process that started it does."""

import os
import signal
import sys
import threading


def tether(descriptor: int = 0) -> None:
    """Watch a pipe whose other end the parent holds: the kernel closes it however the parent dies."""
    threading.Thread(target=_watch, args=[descriptor], name="tether", daemon=True).start()


def _watch(descriptor: int) -> None:
    while os.read(descriptor, 64):
        pass
    os.kill(os.getpid(), signal.SIGKILL)  # a crash like any other: everything acknowledged is on disk


if __name__ == "__main__":
    tether()
    from services.cli.dispatch import main

    main(sys.argv[1:], prog_name="wayproof")
