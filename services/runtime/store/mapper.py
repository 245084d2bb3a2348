"""Between domain events and stored ones: each body sealed under its stream's key, each event linked to the last."""

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent

from services.runtime.clock import from_micros, to_micros
from services.runtime.keys import DataKey, DoesNotOpen, KeyDestroyed
from services.runtime.store.chain import link
from services.runtime.store.codec import Codec
from services.runtime.store.port import Append, Erased, RecordedEvent, Tampered, Verbatim

KeyFor = Callable[[str, UUID], DataKey]


@dataclass(slots=True, unsafe_hash=True)
class Placed:
    """An event with the place it is about to take; satisfies the library's domain event protocol."""

    append: Append
    stream: bytes  # the append's
    originator_version: int
    part: int
    seq: int
    prev: bytes

    @property
    def originator_id(self) -> UUID:
        return self.append.stream


@dataclass(frozen=True, init=False)
class SealedEvent(StoredEvent):
    """The library's stored event with what its chain and its key need; `key_id` is None for a verbatim body."""

    stream: bytes  # the originator's id
    tenant: str
    part: int
    seq: int
    recorded_at: int
    prev: bytes
    hash: bytes
    key_id: str | None

    def __init__(
        self, id_: UUID, stream: bytes, version: int, topic: str, body: bytes, tenant: str, part: int, seq: int,
        recorded_at: int, prev: bytes, hash: bytes, key_id: str | None,
    ) -> None:  # fmt: skip
        """All fields at once: the one a frozen dataclass makes for itself sets each alone, at four times the price."""
        self.__dict__.update(
            originator_id=id_, originator_version=version, topic=topic, state=body, stream=stream, tenant=tenant,
            part=part, seq=seq, recorded_at=recorded_at, prev=prev, hash=hash, key_id=key_id,
        )  # fmt: skip


class EventRow(NamedTuple):
    """One row of the event table, but for the stream and the partition: by these it was asked for."""

    tenant: str
    version: int
    seq: int
    topic: str
    recorded_at: int
    prev: bytes
    hash: bytes
    body: bytes
    key_id: str | None


_KEY_ID = EventRow._fields.index("key_id")


class SealingMapper(Mapper[UUID]):
    """The library's mapper, knowing whose event it is: the key is the stream's, the context its place."""

    def __init__(self, codec: Codec, key_for: KeyFor) -> None:
        super().__init__(JSONTranscoder())  # the library's interface wants one; the codec does the work
        self._codec = codec
        self._key_for = key_for

    def to_stored_event(self, domain_event: Any) -> SealedEvent:
        """Encode, seal and link a placed event."""
        placed: Placed = domain_event
        append, stream, version, prev = placed.append, placed.stream, placed.originator_version, placed.prev
        tenant, id_, event, micros = append.tenant, append.stream, append.event, to_micros(append.recorded_at)
        part, seq = placed.part, placed.seq
        key_id: str | None = None
        if isinstance(event, Verbatim):
            topic, body = event.topic, event.body
        else:
            key = self._key_for(tenant, id_)
            topic, plain = self._codec.encode(event)
            key_id = key.id
            body = key.seal(plain, _context(tenant, str(id_), version, topic, key_id, prev))
        hash_ = link(prev, tenant, stream, version, part, seq, topic, micros, key_id, body)
        return SealedEvent(id_, stream, version, topic, body, tenant, part, seq, micros, prev, hash_, key_id)

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        """Verify and open a stored event."""
        e = stored_event
        assert isinstance(e, SealedEvent)
        assert isinstance(e.originator_id, UUID)
        row = EventRow(
            e.tenant, e.originator_version, e.seq, e.topic, e.recorded_at, e.prev, e.hash, e.state, e.key_id
        )  # fmt: skip
        return self.opened([row], e.originator_id, e.part)[0]

    def opened(
        self, rows: Sequence[EventRow], stream: UUID, part: int, recorded_by: int | None = None
    ) -> list[RecordedEvent]:
        """The events of one stream's rows, up to an instant (in microseconds) or all; every link is verified.

        Raises Tampered, or KeyDestroyed.
        """
        verify(rows, stream.bytes, part)
        own = any(row[_KEY_ID] is not None for row in rows)
        key, subject, events = self._key_for(rows[0][0], stream).ready() if own else None, str(stream), []
        for tenant, version, seq, topic, micros, prev, _, body, key_id in rows:
            if recorded_by is not None and micros > recorded_by:
                break  # stamps grow within a partition
            event: object = Verbatim(topic, body)
            if key is not None and key_id is not None:
                event = self._open(key, _context(tenant, subject, version, topic, key_id, prev), topic, body)
            events.append(RecordedEvent(tenant, stream, version, seq, from_micros(micros), topic, event))
        return events

    def opened_or_erased(self, row: EventRow, stream: UUID, part: int) -> RecordedEvent:
        """As `opened`, but an event whose key is destroyed keeps its place."""
        try:
            return self.opened([row], stream, part)[0]
        except KeyDestroyed:
            at, event = from_micros(row.recorded_at), Erased(row.key_id or "")
            return RecordedEvent(row.tenant, stream, row.version, row.seq, at, row.topic, event)

    def _open(self, key: DataKey, context: bytes, topic: str, body: bytes) -> object:
        try:
            return self._codec.decode(topic, key.open(body, context))
        except DoesNotOpen:
            raise Tampered(f"a body of {topic} does not open in its place") from None


def verify(rows: Iterable[EventRow], stream: bytes, part: int) -> None:
    """Each row is what was written in its place in this stream and partition; raises Tampered."""
    for tenant, version, seq, topic, micros, prev, hash_, body, key_id in rows:
        try:
            if link(prev, tenant, stream, version, part, seq, topic, micros, key_id, body) == hash_:
                continue
        except (TypeError, AttributeError, struct.error):
            pass  # a column holds another type than was written
        raise Tampered(f"event {part}/{seq} is not what was written")


def _context(tenant: str, stream: str, version: int, topic: str, key_id: str, prev: bytes) -> bytes:
    return f"{tenant}|{stream}|{version}|{topic}|{key_id}|{prev.hex()}".encode()
