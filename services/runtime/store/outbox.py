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
INSERT INTO outbox_head (topic, part, last_seq) VALUES (:topic, :part, :count)
ON CONFLICT (topic, part) DO UPDATE SET last_seq = outbox_head.last_seq + :count RETURNING last_seq
"""


class PartitionsChanged(Exception):
    """A topic keeps the number of partitions it was born with: more would break the order of its keys."""


@dataclass(slots=True, unsafe_hash=True)
class OutboxMessage:
    """One public event on its way to the log; `value` is the envelope, byte for byte."""

    topic: str
    key: str
    event_id: UUID
    value: bytes


def put(cursor: Cursor, partitions: int, messages: Sequence[OutboxMessage]) -> None:
    """Number the messages within the caller's transaction, in the order given; a rollback takes the numbers back."""
    by_place: dict[tuple[str, int], list[OutboxMessage]] = defaultdict(list)
    for message in messages:
        by_place[message.topic, partition_of(message.key, partitions)].append(message)
    for topic in sorted({topic for topic, _ in by_place}):
        _keep_partitions(cursor, topic, partitions)
    rows: list[tuple[object, ...]] = []
    for topic, part in sorted(by_place):  # in one order for all, so that no two writers wait for each other
        placed = by_place[topic, part]
        first = _advance(cursor, topic, part, len(placed))
        rows += [(topic, part, first + n, m.key, m.event_id.bytes, m.value) for n, m in enumerate(placed)]
    cursor.executemany("INSERT INTO outbox (topic, part, seq, key, event_id, value) VALUES (?, ?, ?, ?, ?, ?)", rows)


def _keep_partitions(cursor: Cursor, topic: str, partitions: int) -> None:
    born_with = _born_with(cursor, topic)
    if born_with is None:
        cursor.execute(
            "INSERT INTO outbox_topic (topic, partitions) VALUES (?, ?) ON CONFLICT DO NOTHING", (topic, partitions)
        )
        born_with = _born_with(cursor, topic)
    if born_with != partitions:
        raise PartitionsChanged(f"{topic} has {born_with} partitions, not {partitions}")


def _born_with(cursor: Cursor, topic: str) -> int | None:
    row = cursor.execute("SELECT partitions FROM outbox_topic WHERE topic = ?", (topic,)).fetchone()
    return row and int(row[0])


def _advance(cursor: Cursor, topic: str, part: int, count: int) -> int:
    """Take `count` numbers; the first of them."""
    (last,) = cursor.execute(_ADVANCE, {"topic": topic, "part": part, "count": count}).fetchone()
    return int(last) - count + 1
