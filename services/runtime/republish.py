"""Sending an outbox again: its place is set back in the service's database, and the relay goes on from there.

It may be done while the service runs or while it is stopped. Nothing is ever skipped, because the place only moves
back; and nothing is counted twice, because every consumer leaves out the seqs it has.
"""

from dataclasses import dataclass

from services.runtime.store.database import Cursor, Database

_SET_BACK = "UPDATE outbox_head SET published_seq = ? WHERE topic = ? AND part = ? AND published_seq > ?"


class CannotRepublish(Exception):
    """What was asked for is not in this outbox; says what is."""


@dataclass(frozen=True, slots=True)
class Head:
    """How far one partition of one topic has come."""

    topic: str
    part: int
    last_seq: int
    published_seq: int


def heads(database: Database) -> list[Head]:
    """Every topic and partition of the outbox in a service's database."""
    with database.read() as cursor:
        return _heads(cursor)


def republish(database: Database, topic: str | None, part: int, from_seq: int) -> tuple[Head, int]:
    """Set the place back; the place as it is now, and how many messages go out again or for the first time."""
    with database.write() as cursor:
        head = _choose(_heads(cursor), topic, part)
        if not 1 <= from_seq <= head.last_seq:
            raise CannotRepublish(f"{head.topic}[{part}] has the seqs 1 to {head.last_seq}, not {from_seq}")
        cursor.execute(_SET_BACK, (from_seq - 1, head.topic, part, from_seq - 1))
        head = _choose(_heads(cursor), head.topic, part)
    return head, head.last_seq - head.published_seq


def _choose(known: list[Head], topic: str | None, part: int) -> Head:
    topics = sorted({head.topic for head in known})
    if topic is None and len(topics) > 1:
        raise CannotRepublish(f"name one of its topics: {', '.join(topics)}")
    if topic is not None and topic not in topics:
        raise CannotRepublish(f"its topics are {', '.join(topics) or 'none yet'}")
    found = [head for head in known if head.part == part and topic in {None, head.topic}]
    if not found:
        parts = ", ".join(str(head.part) for head in known if topic in {None, head.topic})
        raise CannotRepublish(f"partition {part} has nothing to send; those that have: {parts or 'none yet'}")
    return found[0]


def _heads(cursor: Cursor) -> list[Head]:
    rows = cursor.execute("SELECT topic, part, last_seq, published_seq FROM outbox_head ORDER BY topic, part")
    return [Head(*row) for row in rows]
