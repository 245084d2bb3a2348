"""Letting some more come after a batch that was not full: each transaction costs as much as many messages."""

import threading

GATHER_S = 0.05  # how much later than it could be something is done while more comes all the time


def gather(done: int, batch_size_max: int, stop: threading.Event) -> None:
    """What comes first after a rest is never held up, nor is anything while there is much to do."""
    if 0 < done < batch_size_max:
        stop.wait(GATHER_S)
