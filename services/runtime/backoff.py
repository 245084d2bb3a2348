"""How long to wait before trying again: twice as long after each failure, up to a limit."""


class Backoff:
    def __init__(self, first_s: float = 0.05, max_s: float = 5.0) -> None:
        self._first_s, self._max_s = first_s, max_s
        self._next_s = first_s

    def failed(self) -> float:
        """The seconds to wait now."""
        wait_s = self._next_s
        self._next_s = min(self._max_s, self._next_s * 2)
        return wait_s

    def succeeded(self) -> None:
        self._next_s = self._first_s
