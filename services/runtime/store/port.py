"""What a service says to its event store: one transaction takes a batch of events and the position they came from."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from eventsourcing.persistence import IntegrityError as VersionConflict

from services.runtime.store.database import Cursor
from services.runtime.store.outbox import OutboxMessage

__all__ = [
    "Append",
    "Batch",
    "Erased",
    "Fenced",
    "OutboxMessage",
    "PartitionStore",
    "Position",
    "RecordedEvent",
    "Row",
    "Tampered",
    "Timer",
    "Unopened",
    "Verbatim",
    "VersionConflict",
]

Row = Callable[[Cursor], None]


class Fenced(Exception):
    """Another process has claimed this partition: nothing was written and nothing more may be."""


class Tampered(Exception):
    """What is stored is not what was written: the hash chain of a stream, or the journal's numbering, is broken."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far one partition of one topic has been consumed; `last_seq` is the truth, `next_offset` a hint."""

    next_offset: int = 0
    last_seq: int = 0


@dataclass(slots=True, unsafe_hash=True)  # not frozen, though never changed: made by the thousand for one answer
class Verbatim:
    """A body sealed before it came here, stored and given back byte for byte."""

    topic: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Erased:
    """Stands in the journal for an event whose key is destroyed; its place and its hash remain."""

    key_id: str


@dataclass(slots=True, unsafe_hash=True)
class Append:
    """One event to record at the end of one stream; the store gives it its version and its seq."""

    tenant: str
    stream: UUID
    event: object
    recorded_at: datetime


@dataclass(slots=True, unsafe_hash=True)  # as above
class RecordedEvent:
    """One event as stored; `seq` is its place in the partition's journal, `version` in its stream (from 1)."""

    tenant: str
    stream: UUID
    version: int
    seq: int
    recorded_at: datetime
    topic: str
    event: object


@dataclass(frozen=True, slots=True)
class Unopened:
    """A stream read among others; `opened` verifies and opens it, or raises what is the matter with it alone."""

    stream: UUID
    opened: Callable[[], list[RecordedEvent]]


@dataclass(frozen=True, slots=True)
class Timer:
    """Wakes a stream at an instant; setting the same name again moves it, `due=None` takes it away."""

    due: datetime | None
    tenant: str
    stream: UUID
    name: str
    body: bytes = b""


@dataclass
class Batch:
    """Everything one transaction writes: all of it or none of it.

    `expected` names streams with the version the decision was made on; a stream that has moved is a VersionConflict.
    """

    appends: list[Append] = field(default_factory=list)
    publish: list[OutboxMessage] = field(default_factory=list)
    positions: dict[str, Position] = field(default_factory=dict)
    known_to: datetime | None = None
    rows: list[Row] = field(default_factory=list)
    timers: list[Timer] = field(default_factory=list)
    expected: dict[UUID, int] = field(default_factory=dict)


class PartitionStore(Protocol):
    """The events of one partition, and the one writer that may add to them."""

    @property
    def partition(self) -> int:
        """Which partition this store was opened on."""

    def claim(self, owner: str, stands: Callable[[Cursor], bool] | None = None) -> None:
        """Become the one writer: whoever claimed before is fenced from this moment.

        Where `stands` is asked, in the same transaction, and says no, nothing is claimed: Fenced.
        """

    def release(self) -> None:
        """Write no more, until the next claim."""

    def position(self, topic: str) -> Position:
        """How far this partition of the topic has been consumed."""

    def known_to(self) -> datetime:
        """The instant up to which this partition's answers are final."""

    def next_seq(self) -> int:
        """The seq the next event of this partition will get."""

    def end(self) -> tuple[int, datetime]:
        """`next_seq` and `known_to` as of one moment."""

    def version(self, stream: UUID) -> int:
        """The version of the stream's last event; 0 when it has none."""

    def stream(self, stream: UUID, recorded_by: datetime | None = None) -> list[RecordedEvent]:
        """The stream in order, its bodies opened: all of it, or what was recorded by then.

        Its chain is verified to the end either way: what came later may not have been tampered with either.
        """

    def streams(self, streams: Iterable[UUID]) -> Iterator[Unopened]:
        """Many streams in few questions, each once and in this order; opened, each is what `stream` gives, or raises.

        Of each portion what it was at one moment: no more than some thousands of events are held at a time.
        """

    def events(self, after_seq: int, limit: int) -> list[RecordedEvent]:
        """The partition's journal in seq order, each row verified, bodies opened (or Erased)."""

    def timers(self, due_at: datetime, limit: int) -> list[Timer]:
        """The timers due at or before the instant, the earliest first."""

    def commit(self, batch: Batch) -> None:
        """Write the batch in one transaction; raises Fenced, and VersionConflict for a zombie or a bug."""
