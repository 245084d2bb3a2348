"""The operating system's randomness, asked for many bytes at a time: each call lets go of the interpreter."""

import os
from threading import Lock

FETCHED_BYTES = 4096


class _Pool:
    """What was fetched and not yet given out; each byte is given out once."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """In a forked process, what was fetched is the other's, and so is whoever held the lock."""
        self._lock = Lock()
        self._bytes, self._at = b"", 0

    def take(self, count: int) -> bytes:
        """As many bytes as `os.urandom` would give."""
        with self._lock:
            end = self._at + count
            if end > len(self._bytes):
                self._bytes, self._at, end = os.urandom(max(FETCHED_BYTES, count)), 0, count
            taken, self._at = self._bytes[self._at : end], end
            return taken


_POOL = _Pool()
os.register_at_fork(after_in_child=_POOL.begin_anew)


def random_bytes(count: int) -> bytes:
    """Unpredictable bytes that nobody else is given: nonces and ids. Keys are fetched apart, and kept nowhere."""
    return _POOL.take(count)
