"""Envelopes of ingest opened: checked in full at the door, and read back quickly from the store that kept them."""

from base64 import b64decode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from contracts.envelope import sealing_context
from services.runtime.keys import KeyDestroyed, KeyStore, KeyUnknown
from services.runtime.sealing import Sealer, Unreadable


@dataclass(frozen=True, slots=True)
class Received:
    """What an envelope said: its routing attributes and its opened content, in plain values."""

    id: UUID
    type: str
    tenant: str
    learner: UUID
    occurred_at: datetime
    key_id: str
    content: dict[str, Any]


class Opening:
    """Opens envelopes with the learner's key."""

    def __init__(self, keys: KeyStore, sealer: Sealer) -> None:
        self._keys, self._sealer = keys, sealer

    def checked(self, raw: bytes, key: str) -> Received:
        """From the log: valid in shape, in content and for its key; raises Unreadable, KeyDestroyed or KeyUnknown."""
        envelope = self._sealer.parse(raw)
        if f"{envelope.tenant}/{envelope.subject}" != key:
            raise Unreadable("key-and-subject-differ")
        if envelope.data is not None:
            raise Unreadable("not-sealed")
        self._sealer.open(envelope)
        return self.opened(raw)

    def opened(self, raw: bytes) -> Received:
        """From our own store, whose chain vouches for the bytes: whatever was checked once is not checked again."""
        e = orjson.loads(raw)
        learner = UUID(e["subject"])
        context = sealing_context(e["tenant"], e["subject"], e["id"], e["type"], e["dataschema"], e["keyid"])
        plain = self._keys.learner_key(e["tenant"], learner).open(b64decode(e["data_base64"]), context)
        return Received(
            id=UUID(e["id"]),
            type=e["type"],
            tenant=e["tenant"],
            learner=learner,
            occurred_at=utc(e.get("occurredat") or e["time"]),
            key_id=e["keyid"],
            content=orjson.loads(plain),
        )

    def can_open(self, tenant: str, learner: UUID) -> bool:
        """Whether the learner's key is still there."""
        try:
            self._keys.learner_key(tenant, learner)
        except (KeyDestroyed, KeyUnknown):
            return False
        return True


def utc(text: str) -> datetime:
    """An instant as it was written, in UTC."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is UTC else at.astimezone(UTC)
