"""Public events into envelopes and back: what is said of a person sealed under its key, the rest in clear."""

from binascii import a2b_base64, b2a_base64
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID

import orjson
from pydantic import ValidationError

from contracts.envelope import Envelope, PublicEvent, sealing_context
from contracts.events import IN_CLEAR, PUBLIC_EVENTS
from services.runtime.keys import DoesNotOpen, KeyStore

CLEAR = frozenset(kind.TYPE for kind in IN_CLEAR)
SCHEMAS = {event.TYPE: event.schema_urn() for event in PUBLIC_EVENTS.values()}


class Unreadable(Exception):
    """Not one of our envelopes, or its content does not open; `reason` never quotes what was read."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Written:
    """A public event in the bytes its model would write, where making the model first would cost more than sealing."""

    TYPE: str
    content: bytes


class Sealer:
    """Writes and reads the bytes that travel on the log for one service."""

    def __init__(self, keys: KeyStore, source: str) -> None:
        self._keys = keys
        self._source = source

    def seal(
        self,
        event: PublicEvent | Written,
        *,
        id: UUID,
        tenant: str,
        subject: str,
        time: datetime,
        occurred_at: datetime | None = None,
    ) -> bytes:
        """The envelope of something about the learner `subject`; nothing of its content can be read without the key."""
        key, said_id = self._keys.learner_key(tenant, learner_of(subject)), str(id)
        context = sealing_context(tenant, subject, said_id, event.TYPE, SCHEMAS[event.TYPE], key.id)
        envelope = self._attributes(event.TYPE, said_id, tenant, subject, time, "application/octet-stream")
        if occurred_at is not None:
            envelope["occurredat"] = _utc(occurred_at)
        envelope["keyid"] = key.id
        envelope["data_base64"] = b2a_base64(key.seal(_content(event), context), newline=False).decode("ascii")
        return orjson.dumps(envelope, option=orjson.OPT_UTC_Z)

    def clear(self, event: PublicEvent, *, id: UUID, tenant: str, subject: str, time: datetime) -> bytes:
        """The envelope of a published document, or of an erasure: neither says anything of a person."""
        assert event.TYPE in CLEAR, "whatever says something of a person is sealed"
        envelope = self._attributes(event.TYPE, str(id), tenant, subject, time, "application/json")
        envelope["data"] = orjson.Fragment(_content(event))
        return orjson.dumps(envelope, option=orjson.OPT_UTC_Z)

    def parse(self, raw: bytes) -> Envelope:
        """The envelope, its content still sealed."""
        try:
            return Envelope.__pydantic_validator__.validate_json(raw)  # type: ignore[no-any-return]
        except ValidationError:
            raise Unreadable("malformed-envelope") from None

    def open(self, envelope: Envelope) -> PublicEvent:
        """The event by its type; raises Unreadable, KeyDestroyed or KeyUnknown."""
        kind = PUBLIC_EVENTS.get(envelope.type)
        if kind is None:
            raise Unreadable("unknown-type")
        try:
            if envelope.data is not None and envelope.type in CLEAR:
                return kind.model_validate(envelope.data)
            return kind.__pydantic_validator__.validate_json(self.plain(envelope))  # type: ignore[no-any-return]
        except ValidationError:
            raise Unreadable("malformed-content") from None

    def _attributes(
        self, type_: str, id: str, tenant: str, subject: str, time: datetime, content_type: str
    ) -> dict[str, object]:
        return {
            "specversion": "1.0",
            "id": id,
            "source": self._source,
            "type": type_,
            "subject": subject,
            "time": _utc(time),
            "dataschema": SCHEMAS[type_],
            "datacontenttype": content_type,
            "tenant": tenant,
        }

    def plain(self, envelope: Envelope) -> bytes:
        """The sealed content as it was written; raises Unreadable, KeyDestroyed or KeyUnknown."""
        e = envelope
        if e.data_base64 is None or e.keyid is None:
            raise Unreadable("no-content")
        try:
            learner, blob = learner_of(e.subject), a2b_base64(e.data_base64, strict_mode=True)
        except ValueError:
            raise Unreadable("malformed-envelope") from None
        key = self._keys.learner_key(e.tenant, learner)
        try:
            return key.open(blob, sealing_context(e.tenant, e.subject, e.id, e.type, e.dataschema, e.keyid))
        except DoesNotOpen:
            raise Unreadable("does-not-open") from None


@lru_cache(maxsize=16_384)
def learner_of(subject: str) -> UUID:
    """The learner a subject names; the same few thousand come again and again. Raises ValueError."""
    return UUID(subject)


def _content(event: PublicEvent | Written) -> bytes:
    return event.content if isinstance(event, Written) else event.__pydantic_serializer__.to_json(event)


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo is UTC else at.astimezone(UTC)
