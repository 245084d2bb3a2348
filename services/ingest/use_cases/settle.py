"""What becomes of one item, and what follows: its record's version, its outcome, what is published or parked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from services.ingest.domain.checks import check
from services.ingest.domain.claims import Claim, ClaimedAssessor, Held, Identifier, Overtaken, Reading, Withdrawal
from services.ingest.domain.outcomes import Outcome
from services.ingest.domain.records import (
    Accept,
    Arrival,
    Decision,
    Hold,
    Judged,
    Move,
    Nothing,
    OnChange,
    Park,
    Quarantine,
    Retract,
    Revise,
    decide,
    record_of,
    version_after,
)
from services.ingest.storage import inbox, vault
from services.ingest.use_cases.group import Draft, ToSeal
from services.ingest.use_cases.tags import Tags
from services.runtime.clock import to_micros
from services.runtime.store.outbox import OutboxMessage

EFFECTS: Final[Mapping[type, str]] = {Accept: "added", Revise: "changed", Move: "changed", Retract: "removed"}
COUNTED: Final = (Accept, Revise, Move)  # these make evidence
ITEMS_MAX = 1 << 24  # of one receipt: the low bits of an arrival
NO_TAG = b""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an item came from: fixed by the key that sent it and the mapping that read it, never by its content."""

    tenant: str
    source: str
    organisation: str
    door: str
    mapping: str | None = None
    on_change: OnChange = OnChange.REVISE
    assesses: frozenset[str] | None = None  # frameworks; every one when None
    own_records: bool = False  # whatever is sent has a record of its own: nothing before it is replaced


@dataclass(slots=True, unsafe_hash=True)
class Item:
    """One thing that was said, with the tags it is looked up by (empty where it has none).

    `named` is whom it speaks of although it claims nothing.
    """

    reading: Reading | Held | Overtaken
    line: int | None = None
    record: bytes = NO_TAG
    learner: bytes = NO_TAG
    content: bytes = NO_TAG
    named: bytes = NO_TAG
    then: tuple[str, tuple[Any, ...]] | None = None  # what else is written when it is read again and counts

    @property
    def person(self) -> bytes:
        """Whom it speaks of; whoever erases them erases what was sent."""
        return self.learner or self.named


@dataclass(slots=True, unsafe_hash=True)
class Place:
    """Where an item stands: its receipt and its number in it; together the order of arrival."""

    receipt: int
    receipt_id: UUID
    item: int
    received_at: datetime | None = None  # of what is read again; what just came was received now
    entry: UUID | None = None  # in quarantine, of what is read again

    @property
    def arrival(self) -> int:
        """Grows with every item ever received."""
        return self.receipt * ITEMS_MAX + self.item


@dataclass(slots=True, unsafe_hash=True)
class Settled:
    """What became of an item, as the sender is told."""

    item: int
    outcome: Outcome
    line: int | None = None
    evidence: UUID | None = None
    reason: str | None = None
    pointer: str | None = None
    detail: str | None = None  # for whoever tries a mapping
    person: bytes = NO_TAG  # by which identifier the learner was named
    effect: str | None = None  # on what counts: added, changed or removed

    def answer(self) -> dict[str, Any]:
        """JSON; what does not apply is left out."""
        said: dict[str, Any] = {"item": self.item, "outcome": self.outcome}
        if self.line is not None:
            said["line"] = self.line
        if self.evidence is not None:
            said["evidence"] = self.evidence
        if self.reason is not None:
            said["reason"] = self.reason
        if self.pointer is not None:
            said["pointer"] = self.pointer
        return said


@dataclass(slots=True, unsafe_hash=True)
class Occurrence:
    """A decision with all that publishing it needs."""

    decision: Decision
    origin: Origin
    receipt: UUID
    learner: UUID | None
    evidence: UUID | None
    at: datetime


Publish = Callable[[Occurrence, Callable[[], UUID]], list[OutboxMessage]]


def item_of(reading: Reading | Held, tags: Tags, origin: Origin, line: int | None = None) -> Item:
    """The item with its tags."""
    if isinstance(reading, Held):
        return Item(reading, line)
    person = tags.identifier(reading.learner) if reading.learner else NO_TAG
    if isinstance(reading, Claim):
        key = record_of(reading, origin.on_change)
        if key is None:
            return Item(reading, line, NO_TAG, person)
        return Item(reading, line, tags.record(origin.source, key), person, tags.claim(reading))
    if isinstance(reading, Withdrawal):
        return Item(reading, line, tags.record(origin.source, reading.record_key), named=person)
    return Item(reading, line, named=person)


@dataclass(frozen=True, slots=True)
class Settle:
    """Settles items one after the other; the same for every door, for imports and for what was parked."""

    publish: Publish

    def __call__(self, draft: Draft, origin: Origin, place: Place, item: Item, learner: UUID | None = None) -> Settled:
        """Decide on a new item and write down its outcome."""
        settled = self.settle(draft, origin, place, item, learner)
        draft.writes.add(inbox.PUT_OUTCOME, outcome_row(place, settled))
        return settled

    def settle(self, draft: Draft, origin: Origin, place: Place, item: Item, learner: UUID | None = None) -> Settled:
        """Decide on an item; its outcome's row is the caller's."""
        group, judged = draft.group, judge(draft, origin, place, item)
        learner = learner or (draft.learner(item.learner) if item.learner else None)
        current = draft.record(item.record) if item.record else None
        arrival = Arrival(place.arrival, item.content, learner)
        decision = decide(judged, arrival, current, origin.on_change)
        evidence = group.ids.new() if isinstance(decision, COUNTED) else None
        after = version_after(decision, arrival, current, evidence)
        if item.record and after is not None and after is not current:
            draft.keep(item.record, after)
        occurrence = Occurrence(decision, origin, place.receipt_id, learner, evidence, group.now)
        draft.writes.messages += self.publish(occurrence, group.ids.new)
        draft.writes.tally[origin.tenant, origin.source, decision.outcome] += 1
        return _told(draft, origin, place, item, occurrence)


def judge(draft: Draft, origin: Origin, place: Place, item: Item) -> Judged:
    """What was read, and a claim checked by what is known of frameworks and scales."""
    read = item.reading
    if not isinstance(read, Claim):
        return read
    catalogue = draft.group.catalogues(origin.tenant)
    return check(read, catalogue, place.received_at or draft.group.now, assesses=origin.assesses)


def _told(draft: Draft, origin: Origin, place: Place, item: Item, occurrence: Occurrence) -> Settled:
    decision, evidence = occurrence.decision, occurrence.evidence
    reason, pointer, detail = None, None, None
    match decision:
        case Accept():  # most are
            pass
        case Quarantine(fault):
            _quarantine(draft, origin, place, item, decision)
            reason, pointer, detail = fault.reason, fault.pointer, fault.detail
        case Hold(cause):
            reason, pointer = cause.reason, cause.pointer
        case Park():
            _park(draft, origin, place, item)
            reason = "unknown-learner"
        case Retract():
            evidence, reason = decision.evidence, "withdrawn"
        case Nothing(said):
            reason = said
    effect = EFFECTS.get(type(decision))
    return Settled(place.item, decision.outcome, item.line, evidence, reason, pointer, detail, item.person, effect)


def _quarantine(draft: Draft, origin: Origin, place: Place, item: Item, decision: Quarantine) -> None:
    fault, group = decision.fault, draft.group
    entry = place.entry or group.ids.new()
    row = (entry.bytes, origin.tenant, origin.source, place.receipt, place.item, item.line)
    at = to_micros(group.now)
    draft.writes.add(inbox.PUT_QUARANTINE, (*row, fault.reason, fault.pointer, fault.detail, at))


def _park(draft: Draft, origin: Origin, place: Place, item: Item) -> None:
    """Under a key of its own for each source and identifier, so that erasing the person later erases what waits."""
    key = draft.group.waiting_key(item.learner, origin.source)
    row = (place.arrival, origin.tenant, item.learner, place.receipt, place.item, origin.source, origin.door)
    to_seal = ToSeal(origin.tenant, key, _packed(origin, item), vault.PUT_PARKED, (*row, origin.mapping, key.bytes))
    draft.writes.to_seal.append(to_seal)


def _packed(origin: Origin, item: Item) -> bytes:
    assert isinstance(item.reading, Claim), "only a claim waits for its learner"
    said = {"claim": item.reading, "on_change": origin.on_change, "organisation": origin.organisation}
    assesses = None if origin.assesses is None else sorted(origin.assesses)
    return orjson.dumps({**said, "assesses": assesses, "line": item.line})


def unpack(parked: vault.Parked, plain: bytes, tenant: str, tags: Tags) -> tuple[Origin, Item]:
    """What `_packed` put away."""
    said = orjson.loads(plain)
    on_change = OnChange(said["on_change"])
    assesses = None if said.get("assesses") is None else frozenset(said["assesses"])  # not said before there were any
    origin = Origin(tenant, parked.source, said["organisation"], parked.door, parked.mapping, on_change, assesses)
    return origin, item_of(_claim(said["claim"]), tags, origin, said["line"])


def _claim(said: dict[str, Any]) -> Claim:
    times = {name: datetime.fromisoformat(said[name]) if said[name] else None for name in ("occurred_at", "expires_at")}
    said.pop("pointers", None)
    people = {"learner": Identifier(**said["learner"]), "assessor": ClaimedAssessor(**said["assessor"])}
    return Claim(**{**said, **times, **people})


def outcome_row(place: Place, settled: Settled) -> tuple[Any, ...]:
    evidence = settled.evidence.bytes if settled.evidence else None
    said = (settled.outcome.value, evidence, settled.reason, settled.pointer)
    return (place.receipt, place.item, settled.line, *said, settled.person or None)
