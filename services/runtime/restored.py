"""After a restore from a back-up: what the log must not hold any more, and which window of knowledge was lost.

A restored outbox numbers on from where the back-up was. A log that still holds what was published after it has those
seqs already, with other content: consumers would take the new records for repeats and leave them out, without a word.
So the topics are made anew, everything is published again, and the lost window is written down.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from services.runtime.clock import from_micros, to_micros
from services.runtime.log.port import Log
from services.runtime.republish import Head, heads
from services.runtime.store.database import Cursor, Database

LOSSES = """
CREATE TABLE loss (
    part INTEGER NOT NULL, lost_from INTEGER NOT NULL, lost_to INTEGER NOT NULL, PRIMARY KEY (part, lost_from)
) STRICT, WITHOUT ROWID;
"""
LOOK_BACK_RECORDS = 1000
POLL_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Beyond:
    """A partition of the log that holds more than its producer's outbox ever numbered."""

    topic: str
    partition: int
    outbox_seq: int
    log_seq: int


@dataclass(frozen=True, slots=True)
class Loss:
    """What was recorded in a partition after one instant, up to another, is gone."""

    partition: int
    lost_from: datetime
    lost_to: datetime


def beyond(database: Database, log: Log, producer: str) -> list[Beyond]:
    """Where the log is ahead of the outbox that should have filled it."""
    found = []
    for head in heads(database):
        log_seq = last_seq_on(log, head, producer)
        if log_seq > head.last_seq:
            found.append(Beyond(head.topic, head.part, head.last_seq, log_seq))
    return found


def last_seq_on(log: Log, head: Head, producer: str) -> int:
    """The highest seq among the producer's last records in a partition of the log; 0 when it has none."""
    begin, end = log.begins(head.topic)[head.part], log.ends(head.topic)[head.part]
    reader = log.reader(head.topic, {head.part: max(begin, end - LOOK_BACK_RECORDS)})
    highest = 0
    try:
        while reader.position(head.part) < end:
            records = reader.poll(POLL_TIMEOUT_S, LOOK_BACK_RECORDS)
            highest = max([highest, *(record.seq for record in records if record.producer == producer)])
            if not records:
                break
    finally:
        reader.close()
    return highest


def publish_all_again(cursor: Cursor) -> int:
    """Set every place of the outbox back to its beginning; how many events go out again."""
    (count,) = cursor.execute("SELECT coalesce(sum(last_seq), 0) FROM outbox_head").fetchone()
    cursor.execute("UPDATE outbox_head SET published_seq = 0")
    return int(count)


def forget_the_processes(cursor: Cursor) -> None:
    """Who worked what when the back-up was made has ended since: nobody waits for those leases to expire."""
    cursor.execute("DELETE FROM member")
    cursor.execute("UPDATE lease SET owner = NULL, expires_at = 0")


def write_down(cursor: Cursor, until: datetime) -> list[Loss]:
    """Each partition's window from what it still knows up to an instant; nothing is recorded within it any more."""
    losses = []
    for part, known_to in cursor.execute("SELECT part, known_to FROM partition_state ORDER BY part").fetchall():
        if known_to < to_micros(until):
            losses.append(Loss(part, from_micros(known_to), until))
    rows = [(loss.partition, to_micros(loss.lost_from), to_micros(loss.lost_to)) for loss in losses]
    cursor.executemany("INSERT INTO loss (part, lost_from, lost_to) VALUES (?, ?, ?)", rows)
    cursor.executemany("UPDATE partition_state SET known_to = ? WHERE part = ?", [(to, part) for part, _, to in rows])
    return losses


def losses_of(cursor: Cursor, partition: int) -> Iterator[Loss]:
    """Every window a partition has lost, the first first."""
    rows = cursor.execute("SELECT lost_from, lost_to FROM loss WHERE part = ? ORDER BY lost_from", (partition,))
    for lost_from, lost_to in rows.fetchall():
        yield Loss(partition, from_micros(lost_from), from_micros(lost_to))
