"""One partition as a consumer sees it: what is new, what repeats, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from services.runtime.log.port import LogRecord
from services.runtime.store.port import Position


class LogIncident(Exception):
    """The log, read from its beginning, lacks records this consumer needs: the producer must send them again."""

    def __init__(self, topic: str, partition: int, expected_seq: int, got_seq: int) -> None:
        super().__init__(
            f"{topic}[{partition}]: expected seq {expected_seq}, got {got_seq}; republish from {expected_seq}"
        )
        self.topic, self.partition = topic, partition
        self.expected_seq, self.got_seq = expected_seq, got_seq


@dataclass
class Lane:
    partition: int
    active_at: float
    position: Position = field(default_factory=Position)
    known: bool = False  # whether `position` is what the store says
    searched_for: int | None = None  # the missing seq for which the log was read again from its beginning
    incident: LogIncident | None = None
    looking_back: bool = False  # whether the last record taken is being read again, to see that it is the same log

    def sift(self, records: Iterable[LogRecord]) -> tuple[list[LogRecord], int]:
        """What is new, in order, and the highest seq that cannot be taken because one before it is missing."""
        fresh: list[LogRecord] = []
        expected, beyond = self.position.last_seq + 1, 0
        for record in records:
            if record.seq == expected:
                fresh.append(record)
                expected += 1
            elif record.seq > expected:
                beyond = max(beyond, record.seq)
        return fresh, beyond if beyond >= expected else 0
