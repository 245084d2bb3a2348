"""Many streams read in few questions: a portion of them at a time, each portion as it was at one moment."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from services.runtime.store.database import Database
from services.runtime.store.mapper import EventRow
from services.runtime.store.recorder import Head, heads_of

STREAMS_AT_ONCE_MAX = 500
EVENTS_AT_ONCE_MAX = 4000  # some megabytes; a stream with more than that is a portion of its own

VERSION = EventRow._fields.index("version")
COLUMNS = "tenant, ver, seq, topic, recorded_at, prev, hash, body, key_id"  # an EventRow's
# `+ 0`, or PostgreSQL looks through the whole partition's journal beside the streams
_MANY = f"SELECT {COLUMNS}, stream FROM event WHERE part + 0 = ? AND stream IN"  # noqa: S608 - words of ours

Rows = list[Any]  # as COLUMNS says


def read(database: Database, part: int, streams: Iterable[bytes]) -> Iterator[tuple[bytes, Rows, Head | None]]:
    """Each stream once, as its rows in order and its head; a portion is read when the one before it has been taken."""
    wanted = list(dict.fromkeys(streams))
    for start in range(0, len(wanted), STREAMS_AT_ONCE_MAX):
        some = wanted[start : start + STREAMS_AT_ONCE_MAX]
        with database.read() as cursor:
            lengths = {stream: head.version for stream, head in heads_of(cursor, some).items()}
        for portion in _portions(some, lengths):
            rows, heads = _portion(database, part, portion)
            for stream in portion:
                yield stream, rows.pop(stream), heads.get(stream)


def _portions(streams: Sequence[bytes], lengths: Mapping[bytes, int]) -> Iterator[list[bytes]]:
    portion: list[bytes] = []
    events = 0
    for stream in streams:
        length = lengths.get(stream, 0)
        if portion and events + length > EVENTS_AT_ONCE_MAX:
            yield portion
            portion, events = [], 0
        portion.append(stream)
        events += length
    if portion:
        yield portion


def _portion(database: Database, part: int, streams: Sequence[bytes]) -> tuple[dict[bytes, Rows], dict[bytes, Head]]:
    """Put in order here: a database would sort the bodies along with their places."""
    rows: dict[bytes, Rows] = {stream: [] for stream in streams}
    with database.read() as cursor:
        for *row, stream in cursor.execute(f"{_MANY} ({','.join('?' * len(streams))})", (part, *streams)):
            rows[stream].append(row)
        heads = heads_of(cursor, streams)
    for each in rows.values():
        each.sort(key=lambda row: row[VERSION])
    return rows, heads
