"""The operating system's randomness, asked for many bytes at a time: each call lets go of the interpreter."""

import os

FETCHED_BYTES = 4096

_pieces: dict[int, list[bytes]] = {}  # by their length: fetched and not yet given out; each is given out once
os.register_at_fork(after_in_child=_pieces.clear)  # what was fetched before is the other process's


def random_bytes(count: int) -> bytes:
    """Unpredictable bytes that nobody else is given: nonces and ids. Keys are fetched apart, and kept nowhere."""
    try:
        return _pieces[count].pop()  # one step: no other thread comes between
    except (KeyError, IndexError):
        return _fetched(count)


def _fetched(count: int) -> bytes:
    """One piece; as many more as a page holds are kept for those who ask next."""
    if not 0 < count <= FETCHED_BYTES:
        return os.urandom(count)
    page = os.urandom(FETCHED_BYTES - FETCHED_BYTES % count)
    made = [page[begin : begin + count] for begin in range(0, len(page), count)]
    mine = made.pop()
    _pieces.setdefault(count, []).extend(made)
    return mine
