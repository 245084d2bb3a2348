"""Messages to publish, written in the transaction that decided them and numbered gap-free per topic and partition."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.runtime.log.partition import partition_of
from services.runtime.store.database import Cursor

# `outbox` has rowids: without them SQLite would put most of each message on a page of its own, four times as much
# to write.
OUTBOX_SCHEMA = """
CREATE TABLE outbox_topic (topic TEXT PRIMARY KEY, partitions INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE outbox_head (
    topic TEXT NOT NULL, part INTEGER NOT NULL, last_seq INTEGER NOT NULL,
    published_seq INTEGER NOT NULL DEFAULT 0, fence INTEGER NOT NULL DEFAULT 0, owner TEXT,
    PRIMARY KEY (topic, part)
) STRICT, WITHOUT ROWID;
CREATE TABLE outbox (
    topic TEXT NOT NULL, part INTEGER NOT NULL, seq INTEGER NOT NULL,
    key TEXT NOT NULL, event_id BLOB NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (topic, part, seq)
) STRICT;
"""

_ADVANCE = """
INSERT INTO outbox_head (topic, part, last_seq) VALUES {places}
ON CONFLICT (topic, part) DO UPDATE SET last_seq = outbox_head.last_seq + excluded.last_seq
RETURNING topic, part, last_seq, (SELECT t.partitions FROM outbox_topic t WHERE t.topic = outbox_head.topic)
"""
PUT = "INSERT INTO outbox (topic, part, seq, key, event_id, value) VALUES (?, ?, ?, ?, ?, ?)"
_PLACES_MAX = 100  # in one statement


class PartitionsChanged(Exception):
    """A topic keeps the number of partitions it was born with: more would break the order of its keys."""


Place = tuple[str, int]  # topic and partition


@dataclass(slots=True, unsafe_hash=True)
class OutboxMessage:
    """One public event on its way to the log; `value` is the envelope, byte for byte."""

    topic: str
    key: str
    event_id: UUID
    value: bytes


def put(cursor: Cursor, partitions: int, messages: Sequence[OutboxMessage]) -> None:
    """Number the messages within the caller's transaction, in the order given; a rollback takes the numbers back."""
    cursor.executemany(PUT, numbered(cursor, partitions, messages))


def numbered(cursor: Cursor, partitions: int, messages: Sequence[OutboxMessage]) -> list[tuple[object, ...]]:
    """Their rows for PUT, which the caller writes in the same transaction."""
    by_place: dict[Place, list[OutboxMessage]] = defaultdict(list)
    for message in messages:
        by_place[message.topic, partition_of(message.key, partitions)].append(message)
    places = sorted(by_place)  # in one order for all, so that no two writers wait for each other
    rows: list[tuple[object, ...]] = []
    for begin in range(0, len(places), _PLACES_MAX):
        some = {place: len(by_place[place]) for place in places[begin : begin + _PLACES_MAX]}
        for (topic, part), first in _advance(cursor, partitions, some).items():
            placed = by_place[topic, part]
            rows += [(topic, part, first + n, m.key, m.event_id.bytes, m.value) for n, m in enumerate(placed)]
    return rows


def _advance(cursor: Cursor, partitions: int, counts: dict[Place, int]) -> dict[Place, int]:
    """Take so many numbers of each place; the first of each."""
    sql = _ADVANCE.format(places=", ".join(["(?, ?, ?)"] * len(counts)))
    said = [each for (topic, part), count in counts.items() for each in (topic, part, count)]
    first = {}
    for topic, part, last, known in cursor.execute(sql, said).fetchall():
        born_with = known or _born(cursor, topic, partitions)
        if born_with != partitions:
            raise PartitionsChanged(f"{topic} has {born_with} partitions, not {partitions}")
        first[topic, part] = last - counts[topic, part] + 1
    return first


def _born(cursor: Cursor, topic: str, partitions: int) -> int:
    """A topic nobody has put anything into yet has as many partitions as whoever comes first says."""
    cursor.execute(
        "INSERT INTO outbox_topic (topic, partitions) VALUES (?, ?) ON CONFLICT DO NOTHING", (topic, partitions)
    )
    (born_with,) = cursor.execute("SELECT partitions FROM outbox_topic WHERE topic = ?", (topic,)).fetchone()
    return int(born_with)
