"""Envelopes of ingest opened: checked in full at the door, and read back quickly from the store that kept them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NotRequired
from uuid import UUID

import orjson
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from contracts.envelope import PublicEvent, Slug, sealing_context
from contracts.events import PUBLIC_EVENTS
from contracts.evidence_v1 import EvidenceAcceptedV1
from contracts.learners_v1 import LearnerErasedV1
from services.mastery.domain.known import FOR_EVER
from services.mastery.storage.plainly import checks_of
from services.runtime.keys import DoesNotOpen, KeyDestroyed, KeyStore, KeyUnknown
from services.runtime.sealing import Sealer, Unreadable, learner_of


@dataclass(slots=True)  # not frozen: thousands are made for one answer, and frozen ones take three times as long
class Received:
    """What an envelope said: its routing attributes and its opened content, in plain values."""

    id: UUID
    type: str
    tenant: str
    learner: UUID
    occurred_at: datetime
    content: dict[str, Any]


class Kept(TypedDict):
    """What is read again of an envelope the store kept, its blob decoded: in one step, and twice as fast as in two."""

    __pydantic_config__ = ConfigDict(val_json_bytes="base64")  # type: ignore[misc]
    id: str
    type: str
    time: str
    dataschema: str
    tenant: str
    occurredat: NotRequired[str]
    keyid: str
    data_base64: bytes


UuidText = Annotated[str, Field(pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
InstantText = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$")]


class AsWeWrite(TypedDict):
    """An envelope as our own sealer writes it, which is less than an envelope may be: then one reading is enough."""

    __pydantic_config__ = ConfigDict(val_json_bytes="base64")  # type: ignore[misc]
    specversion: Literal["1.0"]
    id: UuidText
    source: str
    type: str
    subject: UuidText
    time: InstantText
    dataschema: str
    datacontenttype: Literal["application/octet-stream"]
    tenant: Slug
    occurredat: NotRequired[InstantText]
    keyid: str
    data_base64: bytes


KEPT = TypeAdapter(Kept).validator
AS_WE_WRITE = TypeAdapter(AsWeWrite).validator
# of canonical text, at a fifth of the price of UUID's own reading
as_uuid = TypeAdapter(UUID).validator.validate_python


class Opening:
    """Opens envelopes with the learner's key."""

    def __init__(self, keys: KeyStore, sealer: Sealer) -> None:
        self._keys, self._sealer = keys, sealer

    def checked(self, raw: bytes, key: str) -> Received:
        """From the log: valid in shape, in content and for its key; raises Unreadable, KeyDestroyed or KeyUnknown."""
        try:
            e = AS_WE_WRITE.validate_json(raw)
            at = utc(e.get("occurredat") or e["time"])
        except (ValidationError, ValueError):
            return self._checked_at_length(raw, key)
        kind, learner = _kind(e["tenant"], e["subject"], e["type"], key), learner_of(e["subject"])
        context = sealing_context(e["tenant"], e["subject"], e["id"], e["type"], e["dataschema"], e["keyid"])
        try:
            plain = self._keys.learner_key(e["tenant"], learner).open(e["data_base64"], context)
        except DoesNotOpen:
            raise Unreadable("does-not-open") from None
        return Received(as_uuid(e["id"]), e["type"], e["tenant"], learner, at, _content(kind, plain))

    def _checked_at_length(self, raw: bytes, key: str) -> Received:
        """Whatever else an envelope may be, and what exactly is wrong with one that is none."""
        envelope = self._sealer.parse(raw)
        kind = _kind(envelope.tenant, envelope.subject, envelope.type, key)
        plain = orjson.dumps(envelope.data) if kind is LearnerErasedV1 else self._sealer.plain(envelope)
        attributes = orjson.loads(raw)
        if attributes["id"] != str(envelope.id):
            raise Unreadable("id-not-canonical")  # the seal is bound to the canonical text
        _content(kind, plain)
        try:
            return _read(attributes, plain, UUID(envelope.subject))  # as it will be read from the store
        except (ValueError, TypeError, AttributeError):
            raise Unreadable("malformed-content") from None

    def opened(
        self, bodies: Iterable[bytes], tenant: str, learner: UUID, shown_by: datetime = FOR_EVER
    ) -> Iterator[Received | None]:
        """One learner's from our own store, whose chain vouches for the bytes: what was checked once is not again.

        None for evidence that was shown later than `shown_by` and replaces none; what it says stays sealed.
        """
        key, subject, read = self._keys.learner_key(tenant, learner).ready(), str(learner), KEPT.validate_json
        for body in bodies:
            e = read(body)
            said, type_, at = e["id"], e["type"], utc(e.get("occurredat") or e["time"])
            if at > shown_by and type_ == EvidenceAcceptedV1.TYPE:
                yield None
                continue
            plain = key.open(
                e["data_base64"], sealing_context(tenant, subject, said, type_, e["dataschema"], e["keyid"])
            )
            yield Received(as_uuid(said), type_, e["tenant"], learner, at, orjson.loads(plain))

    def prepare(self, learners: Iterable[tuple[str, UUID]]) -> None:
        """Have the keys of many at hand, each with its tenant: they are asked for one by one next."""
        self._keys.load_learner_keys(learners)

    def can_open(self, tenant: str, learner: UUID) -> bool:
        """Whether the learner's key is still there."""
        try:
            self._keys.learner_key(tenant, learner)
        except (KeyDestroyed, KeyUnknown):
            return False
        return True


def _kind(tenant: str, subject: str, type_: str, key: str) -> type[PublicEvent]:
    if f"{tenant}/{subject}" != key:
        raise Unreadable("key-and-subject-differ")
    kind = PUBLIC_EVENTS.get(type_)
    if kind is None:
        raise Unreadable("unknown-type")
    return kind


def _content(kind: type[PublicEvent], plain: bytes) -> dict[str, Any]:
    """Checked as what it claims to be, and read in plain values as it will be from the store."""
    try:
        checks_of(kind).validate_json(plain)
        content: dict[str, Any] = orjson.loads(plain)
    except ValueError:
        raise Unreadable("malformed-content") from None
    return content


def _read(attributes: Mapping[str, Any], plain: bytes, learner: UUID) -> Received:
    at = utc(attributes.get("occurredat") or attributes["time"])
    return Received(UUID(attributes["id"]), attributes["type"], attributes["tenant"], learner, at, orjson.loads(plain))


def utc(text: str) -> datetime:
    """An instant as it was written, in UTC."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is UTC else at.astimezone(UTC)
