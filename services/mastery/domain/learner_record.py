"""The stream of one learner: facts come in, thresholds are crossed."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid5

from services.mastery.domain.facts import (
    EnrolmentRecorded,
    EvidenceRecorded,
    EvidenceWithdrawn,
    Fact,
    Identified,
    LearnerAdmitted,
    PolicyAdopted,
)
from services.mastery.domain.known import FOR_EVER, instant_of
from services.mastery.domain.passing import next_due, pass_time
from services.mastery.domain.rules import Rules
from services.mastery.domain.settling import Settlement, settle
from services.mastery.domain.shelving import Shelving
from services.mastery.domain.standings import Standing, standing_after
from services.mastery.domain.thresholds import Crossing, Threshold


@dataclass(frozen=True, slots=True)
class AdmitLearner:
    """A learner was registered."""

    fact: LearnerAdmitted


@dataclass(frozen=True, slots=True)
class RecordEvidence:
    """Evidence was accepted, or accepted in the place of other evidence."""

    fact: EvidenceRecorded


@dataclass(frozen=True, slots=True)
class WithdrawEvidence:
    """Evidence was retracted."""

    fact: EvidenceWithdrawn


@dataclass(frozen=True, slots=True)
class RecordEnrolment:
    """An enrolment was made, changed or ended."""

    fact: EnrolmentRecorded


@dataclass(frozen=True, slots=True)
class RecordIdentity:
    """Who the learner is was put right: merged, unmerged, or a link corrected."""

    fact: Identified


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptPolicy:
    """A policy version was activated; the sweep, or the learner's next event, brings it here."""

    policy: str
    version: int
    digest: str
    control_seq: int
    effective_from: datetime
    organisation: str | None = None
    cohorts: tuple[str, ...] = ()
    recorded_at: datetime


Command = AdmitLearner | RecordEvidence | WithdrawEvidence | RecordEnrolment | RecordIdentity | AdoptPolicy
Event = Fact | Threshold


@dataclass(slots=True)
class LearnerRecord:
    """What the next decision needs: what is known, which facts were seen, and where each node stands."""

    learner: UUID
    shelving: Shelving = field(default_factory=Shelving)
    seen: set[UUID] = field(default_factory=set)
    standings: dict[tuple[str, str], Standing] = field(default_factory=dict)
    latest: UUID | None = None  # the fact that was taken in last


def decide(command: Command, record: LearnerRecord, rules: Rules) -> list[Event]:
    """What time has brought about by then, the fact unless it was taken before, and the thresholds it crosses.

    `record` is not changed, but for what is kept on its shelves of what was reckoned.
    """
    fact = _adopted(command, record.learner) if isinstance(command, AdoptPolicy) else command.fact
    if fact.id in record.seen:
        return []  # the log delivers at least once; the second time changes nothing
    settlement = _passed(record, rules, instant_of(fact), fact.recorded_at)
    first = len(settlement.thresholds)
    settle(settlement, record.shelving, fact, rules)
    return [*settlement.thresholds[:first], fact, *settlement.thresholds[first:]]


def pass_until(record: LearnerRecord, rules: Rules, until: datetime, recorded_at: datetime) -> list[Threshold]:
    """What time alone brings about up to and including an instant. `record` is not changed, as by `decide`."""
    return _passed(record, rules, until, recorded_at).thresholds


def due(record: LearnerRecord, rules: Rules) -> datetime | None:
    """The next instant at which time alone may move a node; to be looked for after every event taken in."""
    if record.latest is None:
        return None
    found = next_due(record.shelving, rules)
    return None if found == FOR_EVER else found


def evolve(record: LearnerRecord, event: Event) -> LearnerRecord:
    """The record with the event taken in: the same object, changed, so whoever folds owns the record it folds into."""
    if isinstance(event, Crossing):
        record.standings[event.policy, event.node] = standing_after(event)
        record.shelving.reach(event.effective_at)
    else:
        record.seen.add(event.id)
        record.latest = event.id
        record.shelving.take(event)
    return record


def _passed(record: LearnerRecord, rules: Rules, until: datetime, recorded_at: datetime) -> Settlement:
    settlement = Settlement(record.learner, record.standings)
    if record.latest is not None:  # nothing is due of somebody of whom nothing is known
        pass_time(settlement, record.shelving, rules, until, record.latest, recorded_at)
    return settlement


def _adopted(command: AdoptPolicy, learner: UUID) -> PolicyAdopted:
    return PolicyAdopted(
        id=uuid5(learner, f"adopted|{command.control_seq}|{command.policy}"),
        policy=command.policy,
        version=command.version,
        digest=command.digest,
        control_seq=command.control_seq,
        effective_from=command.effective_from,
        organisation=command.organisation,
        cohorts=command.cohorts,
        recorded_at=command.recorded_at,
    )
