"""Given these events, when this command comes, then these events follow: the learner record as a table of sentences."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from services.mastery.domain.facts import (
    EnrolmentRecorded,
    EvidenceRecorded,
    EvidenceWithdrawn,
    Fact,
    LearnerAdmitted,
    PolicyAdopted,
)
from services.mastery.domain.learner_record import Command, Event, LearnerRecord, decide, evolve
from services.mastery.domain.rules import CompiledPolicy
from services.mastery.domain.thresholds import LevelLost, LevelReached, RequirementLapsed, RequirementMet
from services.mastery.use_cases.replay import command_of

LEARNER = UUID("00000000-0000-4000-8000-000000000001")
THRESHOLDS = (LevelReached, LevelLost, RequirementMet, RequirementLapsed)


def uid(name: str) -> UUID:
    """The id a test calls by a short name."""
    return uuid5(LEARNER, name)


def day(text: str) -> datetime:
    """The last instant of a day."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(days=1, microseconds=-1)


def evidence(name: str, code: str, **said: Any) -> EvidenceRecorded:
    """Evidence about a competency whose identifier is `id-CODE`, on the scale of four levels unless said otherwise."""
    occurred = said.pop("occurred", "2026-09-01")
    recorded = said.pop("recorded", occurred)
    revises = said.pop("revises", None)
    plain: dict[str, Any] = {
        "competency": f"id-{code}",
        "framework": "skills",
        "scale": "four",
        "scale_version": 1,
        "assessor": "t1",
        "assessor_role": "teacher",
        "assessor_organisation": "north-high",
        "pathway": "classroom",
        "organisation": "north-high",
        "source": "wa.north-high",
        "occurred_at": day(occurred),
        "recorded_at": day(recorded),
        "revises": None if revises is None else uid(revises),
    }
    return EvidenceRecorded(id=uid(name), code=code, **(plain | said))


def withdrawal(name: str, withdraws: str, recorded: str) -> EvidenceWithdrawn:
    """The withdrawal of evidence called by its short name."""
    at = day(recorded)
    ids = {"id": uid(name), "withdraws": uid(withdraws)}
    return EvidenceWithdrawn(**ids, reason="wrong learner", occurred_at=at, recorded_at=at)


def enrolment(name: str, organisation: str, recorded: str = "2026-08-01", **said: Any) -> EnrolmentRecorded:
    """An enrolment called by its short name."""
    at = day(recorded)
    plain = {"id": uid(f"{name}@{recorded}"), "enrolment": uid(name), "occurred_at": at, "recorded_at": at}
    return EnrolmentRecorded(organisation=organisation, **(plain | said))


def admitted(recorded: str = "2026-08-01") -> LearnerAdmitted:
    """The learner registered from a roster."""
    at = day(recorded)
    return LearnerAdmitted(id=uid("admitted"), registered_by="roster", occurred_at=at, recorded_at=at)


def adopted(policy: CompiledPolicy, control_seq: int = 1, recorded: str = "2026-08-01", **said: Any) -> PolicyAdopted:
    """The adoption of a compiled policy."""
    plain: dict[str, Any] = {
        "id": uuid5(LEARNER, f"adopted|{control_seq}|{policy.id}"),
        "policy": policy.id,
        "version": policy.version,
        "digest": policy.digest,
        "control_seq": control_seq,
        "effective_from": policy.effective_from or day("2000-01-01"),
        "organisation": policy.organisation,
        "cohorts": policy.cohorts,
        "recorded_at": day(recorded),
    }
    return PolicyAdopted(**(plain | said))


def taken(record: LearnerRecord, fact: Fact, rules: Mapping[str, CompiledPolicy]) -> Iterator[Event]:
    """What a fact brings about, each event once the record has it; nothing happens unless it is asked for."""
    for event in decide(command_of(fact), record, rules):
        evolve(record, event)
        yield event


def folded(events: Sequence[Event]) -> LearnerRecord:
    """The record those events make."""
    record = LearnerRecord(LEARNER)
    for event in events:
        record = evolve(record, event)
    return record


@dataclass(frozen=True)
class Expectation:
    """Part of an event: its type, and the members a test speaks of."""

    kind: type
    members: Mapping[str, object]


def some(kind: type, **members: object) -> Expectation:
    """An event of this kind that has these members, whatever else it has."""
    unknown = set(members) - {field.name for field in fields(kind)}
    assert not unknown, f"{kind.__name__} has no {unknown}"
    return Expectation(kind, members)


@dataclass(frozen=True)
class Given:
    """A history, the rules, and what was decided so far."""

    rules: Mapping[str, CompiledPolicy]
    events: tuple[Event, ...]
    decided: tuple[Event, ...] = ()

    def when(self, *commands: Command) -> "Given":
        """Decide each command in turn; a command's events are history for the next."""
        record, decided = folded(self.events), []
        for command in commands:
            events = decide(command, record, self.rules)
            for event in events:
                record = evolve(record, event)
            decided += events
        return replace(self, events=(*self.events, *decided), decided=tuple(decided))

    def then(self, *expected: "Event | Expectation") -> "Given":
        """Exactly these events, in this order."""
        assert len(self.decided) == len(expected), [type(event).__name__ for event in self.decided]
        for event, wanted in zip(self.decided, expected, strict=True):
            _compare(event, wanted)
        return self

    def then_thresholds(self, *expected: "Event | Expectation") -> "Given":
        """Exactly these threshold events, whatever the facts."""
        found = tuple(event for event in self.decided if isinstance(event, THRESHOLDS))
        return replace(self, decided=found).then(*expected) and self


def _compare(event: Event, wanted: "Event | Expectation") -> None:
    if not isinstance(wanted, Expectation):
        assert event == wanted
        return
    assert type(event) is wanted.kind
    assert {name: getattr(event, name) for name in wanted.members} == dict(wanted.members)


def given(*events: Event, rules: Sequence[CompiledPolicy] = ()) -> Given:
    """A learner to whom this happened, judged by these rules."""
    return Given({policy.digest: policy for policy in rules}, events)
