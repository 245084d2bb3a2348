"""What one claim does to the record it belongs to: the pure decision behind every door and every redrive."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from services.ingest.domain.checks import CheckedClaim
from services.ingest.domain.claims import Claim, Fault, Held, NoClaim, Overtaken, Withdrawal
from services.ingest.domain.outcomes import Outcome


class OnChange(StrEnum):
    """What other content under a known record key means; the mapping says which."""

    REVISE = "revise"  # the source corrected its record
    CONFLICT = "conflict"  # the source must not; counted nowhere
    NEW = "new"  # the source reuses keys: each content under one is a record of its own


def record_of(claim: Claim, on_change: OnChange) -> str | None:
    """What `current` is looked up by (stored only as a keyed digest): the record key, under `new` with what it says."""
    if claim.record_key is None or on_change is not OnChange.NEW:
        return claim.record_key
    return "\x1f".join((claim.record_key, claim.learner.scheme, claim.learner.value, claim.content().decode()))


@dataclass(slots=True, unsafe_hash=True)
class RecordVersion:
    """The current version of a record: the latest by arrival that took effect or repeated it.

    `content` is a keyed digest of `Claim.content()`. A tombstone (a withdrawal of what was never accepted)
    is withdrawn and has no evidence.
    """

    arrival: int
    content: bytes
    learner: UUID | None
    evidence: UUID | None
    withdrawn: bool = False


@dataclass(slots=True, unsafe_hash=True)
class Arrival:
    """The claim at hand: its place in the order of receipt (kept through parking and redrive), digest, and learner."""

    order: int
    content: bytes = b""
    learner: UUID | None = None


@dataclass(slots=True, unsafe_hash=True)
class Accept:
    """New evidence."""

    outcome: ClassVar = Outcome.ACCEPTED
    checked: CheckedClaim


@dataclass(frozen=True, slots=True)
class Revise:
    """Evidence in place of `evidence`, of the same learner."""

    outcome: ClassVar = Outcome.ACCEPTED
    checked: CheckedClaim
    evidence: UUID


@dataclass(frozen=True, slots=True)
class Move:
    """The corrected record is about somebody else: retract `evidence` of `learner`, accept for the new one."""

    outcome: ClassVar = Outcome.ACCEPTED
    checked: CheckedClaim
    evidence: UUID
    learner: UUID


@dataclass(frozen=True, slots=True)
class Retract:
    """The record is withdrawn: retract `evidence` of `learner`."""

    outcome: ClassVar = Outcome.ACCEPTED
    evidence: UUID
    learner: UUID


@dataclass(frozen=True, slots=True)
class Bury:
    """Withdrawn before anything of it was accepted: keep a tombstone, so that what waits is superseded."""

    outcome: ClassVar = Outcome.ACCEPTED


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The current version said this already; `as_of_first` where a record's place is that of its first version."""

    outcome: ClassVar = Outcome.DUPLICATE
    as_of_first: bool = False


@dataclass(frozen=True, slots=True)
class Conflict:
    """Other content under a key whose content must not change."""

    outcome: ClassVar = Outcome.CONFLICT


@dataclass(frozen=True, slots=True)
class Park:
    """The learner is unknown; it waits for a link."""

    outcome: ClassVar = Outcome.PARKED


@dataclass(frozen=True, slots=True)
class Quarantine:
    """It cannot be read, mapped or checked; it waits for a redrive."""

    outcome: ClassVar = Outcome.QUARANTINED
    fault: Fault


@dataclass(frozen=True, slots=True)
class Hold:
    """Waits for the faulty row it refers to."""

    outcome: ClassVar = Outcome.HELD
    cause: Fault


@dataclass(frozen=True, slots=True)
class Superseded:
    """A version that arrived later has taken effect already."""

    outcome: ClassVar = Outcome.SUPERSEDED


@dataclass(frozen=True, slots=True)
class Nothing:
    """Understood; says nothing about a competency."""

    outcome: ClassVar = Outcome.NO_CLAIM
    reason: str


Decision = (
    Accept | Revise | Move | Retract | Bury | Duplicate | Conflict | Park | Quarantine | Hold | Superseded | Nothing
)
Judged = CheckedClaim | Withdrawal | NoClaim | Held | Fault | Overtaken


def decide(item: Judged, arrival: Arrival, current: RecordVersion | None, on_change: OnChange) -> Decision:
    """What the item does. `current` is None for an unknown record key, and for an item that has none."""
    match item:
        case CheckedClaim():  # what nearly every item is
            return _claim(item, arrival, current, on_change)
        case Fault():
            return Quarantine(item)
        case Held(cause):
            return Hold(cause)
        case NoClaim(reason):
            return Nothing(reason)
        case Overtaken():
            return Superseded()
        case Withdrawal():
            return _withdraw(arrival, current, on_change)


def version_after(
    decision: Decision, arrival: Arrival, current: RecordVersion | None, evidence: UUID | None
) -> RecordVersion | None:
    """The record's current version from now on; `evidence` is the id the caller gave to what was accepted.

    A repeat counts as the later arrival: of 3, 4, 3 the last stands, also when the 4 was parked until after it.
    """
    match decision:
        case Accept() | Revise() | Move():
            return RecordVersion(arrival.order, arrival.content, arrival.learner, evidence)
        case Retract() | Bury():
            return RecordVersion(arrival.order, b"", None, None, withdrawn=True)
        case Duplicate(as_of_first) if current is not None:
            return replace(current, arrival=(min if as_of_first else max)(current.arrival, arrival.order))
        case _:
            return current


def _withdraw(arrival: Arrival, current: RecordVersion | None, on_change: OnChange) -> Decision:
    """Where content must not change, what came after a withdrawal is a conflict, also when it was settled before."""
    if current is None:
        return Bury()
    if current.arrival > arrival.order and (current.withdrawn or on_change is not OnChange.CONFLICT):
        return Superseded()
    if current.withdrawn:
        return Duplicate()
    return Retract(*_in_force(current))


def _claim(checked: CheckedClaim, arrival: Arrival, current: RecordVersion | None, on_change: OnChange) -> Decision:
    """Lateness first: what a later version has replaced is over, whether or not its learner is known by now."""
    if current is not None and current.arrival > arrival.order:
        return _late(checked, arrival, current, on_change)
    if arrival.learner is None:
        return Park()
    if current is None:
        return Accept(checked)
    if current.withdrawn:
        return Conflict() if on_change is OnChange.CONFLICT else Accept(checked)
    if current.content == arrival.content and current.learner == arrival.learner:
        return Duplicate(as_of_first=on_change is OnChange.CONFLICT)
    return Conflict() if on_change is OnChange.CONFLICT else _replaced(checked, arrival, current)


def _late(checked: CheckedClaim, arrival: Arrival, current: RecordVersion, on_change: OnChange) -> Decision:
    """Where content must not change the first to arrive stands: parked until now, it takes the place of a later one."""
    if on_change is not OnChange.CONFLICT or current.withdrawn:
        return Superseded()
    if arrival.learner is None:
        return Park()
    same = current.content == arrival.content and current.learner == arrival.learner
    return Duplicate(as_of_first=True) if same else _replaced(checked, arrival, current)


def _replaced(checked: CheckedClaim, arrival: Arrival, current: RecordVersion) -> Decision:
    evidence, learner = _in_force(current)
    return Revise(checked, evidence) if learner == arrival.learner else Move(checked, evidence, learner)


def _in_force(current: RecordVersion) -> tuple[UUID, UUID]:
    assert current.evidence is not None, "a version in force has evidence"
    assert current.learner is not None, "and evidence is some learner's"
    return current.evidence, current.learner
