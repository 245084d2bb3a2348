"""What the services' files say, read with nothing of theirs: plain SQL, the documented seals, the documented chain."""

import base64
import json
import sqlite3
import struct
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.simulation.ports import secret_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COLUMNS = "tenant, stream, ver, part, seq, topic, recorded_at, prev, hash, body, key_id"


@dataclass(frozen=True)
class Row:
    """One event as it is stored."""

    tenant: str
    stream: bytes
    ver: int
    part: int
    seq: int
    topic: str
    recorded_at: int
    prev: bytes
    hash: bytes
    body: bytes
    key_id: str | None

    @property
    def at(self) -> datetime:
        return EPOCH + timedelta(microseconds=self.recorded_at)

    @property
    def name(self) -> str:
        """`mastery.level-reached.v1` is a `level-reached`."""
        return self.topic.split(".")[-2]

    def chained(self) -> bytes:
        """The hash the event must have."""
        tenant, topic, key = self.tenant.encode(), self.topic.encode(), (self.key_id or "").encode()
        lengths = (len(tenant), len(topic), 0xFFFF if self.key_id is None else len(key), len(self.body))
        place = (self.prev, self.stream, self.ver, self.part, self.seq, self.recorded_at)
        frame = struct.pack(">16s32s16sQIQqHHHI", b"wayproof.chain.1", *place, *lengths)
        return sha256(frame + tenant + topic + key + self.body).digest()

    def plain(self, learner: str, stream: str) -> dict[str, Any]:
        """What the service itself wrote, opened in its place."""
        context = f"{self.tenant}|{stream}|{self.ver}|{self.topic}|{self.key_id}|{self.prev.hex()}"
        said: dict[str, Any] = json.loads(unsealed(learner_key(self.tenant, learner), self.body, context))
        return said


def learner_key(tenant: str, learner: str) -> AESGCM:
    """The simulated key store makes keys from names."""
    return AESGCM(secret_of(f"learner|{tenant}|{learner}"))


def unsealed(key: AESGCM, blob: bytes, context: str) -> bytes:
    """0x01, twelve bytes of nonce, ciphertext and tag."""
    assert blob[0] == 1, "an unknown seal"
    return key.decrypt(blob[1:13], blob[13:], context.encode())


def opened(raw: bytes) -> dict[str, Any]:
    """An envelope; `said` is what was sealed in it."""
    envelope: dict[str, Any] = json.loads(raw)
    names = ("tenant", "subject", "id", "type", "dataschema", "keyid")
    context = "|".join(str(envelope[name]) for name in names)
    blob = base64.b64decode(envelope["data_base64"])
    key = learner_key(envelope["tenant"], envelope["subject"])
    envelope["said"] = json.loads(unsealed(key, blob, context))
    return envelope


class Book:
    """One service's database."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(file)

    def rows(self, select: str, *values: object) -> list[Any]:
        return self._connection.execute(select, values).fetchall()

    def events(self) -> list[Row]:
        """Every event, in the order of the journals."""
        return [Row(*row) for row in self.rows(f"SELECT {COLUMNS} FROM event ORDER BY part, seq")]

    def streams(self) -> dict[bytes, list[Row]]:
        """Every event, stream by stream."""
        found: defaultdict[bytes, list[Row]] = defaultdict(list)
        for row in self.events():
            found[row.stream].append(row)
        return found

    def published(self, topic: str) -> Iterator[dict[str, Any]]:
        """The envelopes of a topic, in the order they were put."""
        for (value,) in self.rows("SELECT value FROM outbox WHERE topic = ? ORDER BY part, seq", topic):
            yield opened(value)

    def close(self) -> None:
        self._connection.close()
