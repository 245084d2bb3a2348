"""Which partitions have been silent for too long: a client may stop returning one without a word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

INTERVAL_S = 10.0
LOOKS_LEAST = 2  # a long transaction between two looks is not the client's silence


@dataclass(slots=True)
class _Seen:
    position: int
    since_s: float
    looks: int = 0


class Silence:
    """Told the positions after each poll; says which have not moved for the interval, at most once an interval."""

    def __init__(self, elapsed_s: Callable[[], float], interval_s: float = INTERVAL_S) -> None:
        self._elapsed_s, self._interval_s = elapsed_s, interval_s
        self._seen: dict[int, _Seen] = {}

    def observed(self, positions: Mapping[int, int]) -> dict[int, int]:
        """The partitions to ask about, with where they stand."""
        now = self._elapsed_s()
        return {partition: at for partition, at in positions.items() if self._silent(partition, at, now)}

    def _silent(self, partition: int, position: int, now: float) -> bool:
        seen = self._seen.get(partition)
        if seen is None or seen.position != position:
            self._seen[partition] = _Seen(position, now)
            return False
        seen.looks += 1
        if now - seen.since_s < self._interval_s or seen.looks < LOOKS_LEAST:
            return False
        self._seen[partition] = _Seen(position, now)
        return True
