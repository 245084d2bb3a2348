"""The hash chain read from the tables and reckoned again by the format alone, with no code of the services."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import psycopg

COLUMNS = "tenant, stream, ver, part, seq, topic, recorded_at, prev, hash, body, key_id"
EVENTS = f"SELECT {COLUMNS} FROM event ORDER BY stream, ver"
HEADS = "SELECT stream, ver, hash FROM head"
STATES = "SELECT part, seq FROM partition_state WHERE seq > 0"
Row = Sequence[Any]


@dataclass
class Chained:
    """What was looked at, and what is wrong with it."""

    events: int = 0
    wrong: list[str] = field(default_factory=list)


def chained(url: str, service: str) -> Chained:
    """Every link, every head, and the journal of every partition without a gap."""
    with psycopg.connect(url, options=f"-c search_path={service}") as connection:
        heads = {bytes(stream): (ver, bytes(hash_)) for stream, ver, hash_ in connection.execute(HEADS).fetchall()}
        states = dict(connection.execute(STATES).fetchall())
        with connection.cursor(name="all", row_factory=psycopg.rows.tuple_row) as cursor:
            cursor.itersize = 5_000
            return check(cursor.execute(EVENTS), heads, states)


def check(rows: Iterable[Row], heads: dict[bytes, tuple[int, bytes]], states: dict[int, int]) -> Chained:
    """The rows come by stream and version."""
    found, seqs = Chained(), defaultdict(list)
    last: dict[bytes, tuple[int, bytes]] = {}
    for row in rows:
        tenant, stream, ver, part, seq, topic, recorded_at, prev, hash_, body, key_id = map(_plain, row)
        version, before = last.get(stream, (0, bytes(32)))
        if (ver, prev) != (version + 1, before):
            found.wrong.append(f"{part}/{seq} does not follow what is before it")
        if hash_ != _link(prev, tenant, stream, ver, part, seq, topic, recorded_at, key_id, body):
            found.wrong.append(f"{part}/{seq} is not what was written")
        last[stream] = (ver, hash_)
        seqs[part].append(seq)
        found.events += 1
    if last != heads:
        found.wrong.append("the heads are not the last of each stream")
    for part, last_seq in states.items():
        if sorted(seqs[part]) != list(range(1, last_seq + 1)):
            found.wrong.append(f"the journal of partition {part} has a gap or a repeat")
    return found


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def _link(
    prev: bytes, tenant: str, stream: bytes, ver: int, part: int, seq: int, topic: str, recorded_at: int,
    key_id: str | None, body: bytes,
) -> bytes:  # fmt: skip
    """A frame of fixed width, then the texts, then the body; integers are big-endian."""
    texts = [tenant.encode(), topic.encode(), (key_id or "").encode()]
    sizes = [len(texts[0]), len(texts[1]), 0xFFFF if key_id is None else len(texts[2])]
    frame = [b"wayproof.chain.1", prev, stream, ver.to_bytes(8, "big"), part.to_bytes(4, "big")]
    frame += [seq.to_bytes(8, "big"), recorded_at.to_bytes(8, "big", signed=True)]
    frame += [*(size.to_bytes(2, "big") for size in sizes), len(body).to_bytes(4, "big")]
    return sha256(b"".join([*frame, *texts, body])).digest()
