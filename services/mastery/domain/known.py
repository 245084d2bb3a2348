"""What is known of one learner: the current evidence on shelves by competency, and what was taken off them."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.mastery.domain.facts import (
    FACTS,
    EnrolmentRecorded,
    EvidenceRecorded,
    EvidenceWithdrawn,
    Fact,
    PolicyAdopted,
)
from services.mastery.domain.ordering import order_of
from services.mastery.domain.prefix import Prefix

BEGINNING, FOR_EVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
WITHDRAWN, REVISED = "withdrawn", "revised"
Retired = tuple[EvidenceRecorded, str]


@dataclass(slots=True, unsafe_hash=True)
class Shelf:
    """The evidence of one competency, in order. A shelf never changes, so what was reckoned from it is kept on it.

    A shelf that only grew at its end shares its tallies with the one it grew from, so that they need not begin again.
    """

    current: Prefix[EvidenceRecorded] = field(default_factory=Prefix)
    retired: tuple[Retired, ...] = ()
    memo: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    tallies: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def with_current(self, evidence: EvidenceRecorded) -> "Shelf":
        """The shelf with one more piece, in its place."""
        place, last = order_of(evidence), self.current.last()
        if last is None or order_of(last) < place:
            grown = self.current.plus(evidence)
            return Shelf(grown, self.retired, {}, self.tallies if self.current.begins(grown) else {})
        current = list(self.current)
        current.insert(bisect_left(current, place, key=order_of), evidence)
        return Shelf(Prefix(current), self.retired)

    def with_retired(self, evidence: EvidenceRecorded, rule: str) -> "Shelf":
        """The shelf with this piece set aside under this rule."""
        current = [piece for piece in self.current if piece.id != evidence.id]
        others = [entry for entry in self.retired if entry[0].id != evidence.id]
        return Shelf(Prefix(current), in_order([*others, (evidence, rule)]))


EMPTY_SHELF = Shelf()


@dataclass(slots=True, unsafe_hash=True)
class Known:
    """All that evaluation reads of a learner, from one prefix of the stream."""

    shelves: Mapping[str, Shelf] = field(default_factory=dict)
    enrolments: Mapping[UUID, EnrolmentRecorded] = field(default_factory=dict)
    adoptions: Mapping[str, tuple[PolicyAdopted, ...]] = field(default_factory=dict)
    as_of: datetime = BEGINNING  # the latest instant the prefix speaks of: the D of live state


def in_order(entries: Iterable[Retired]) -> tuple[Retired, ...]:
    """What was set aside, in the order of evidence."""
    return tuple(sorted(entries, key=lambda entry: order_of(entry[0])))


def instant_of(fact: Fact) -> datetime:
    """The latest instant a fact speaks of."""
    return fact.recorded_at if isinstance(fact, PolicyAdopted) else max(fact.recorded_at, fact.occurred_at)


def with_adoption(
    adoptions: Mapping[str, tuple[PolicyAdopted, ...]], new: PolicyAdopted
) -> dict[str, tuple[PolicyAdopted, ...]]:
    """The adoptions with one more; a policy's versions stay in the order of their activation."""
    versions = sorted((*adoptions.get(new.policy, ()), new), key=lambda adopted: adopted.control_seq)
    return {**adoptions, new.policy: tuple(versions)}


def taken_off(facts: Iterable[Fact]) -> dict[UUID, str]:
    """Evidence that counts no more, with the rule; a withdrawal says more than a revision."""
    gone: dict[UUID, str] = {}
    for fact in facts:
        if isinstance(fact, EvidenceWithdrawn):
            gone[fact.withdraws] = WITHDRAWN
        elif isinstance(fact, EvidenceRecorded) and fact.revises is not None:
            gone.setdefault(fact.revises, REVISED)
    return gone


def known_at(events: Iterable[object], at: datetime | None = None) -> Known:
    """What was known at an instant (by default all): revisions and withdrawals recorded by then applied, none later."""
    facts = [event for event in events if isinstance(event, FACTS) and (at is None or event.recorded_at <= at)]
    adoptions: dict[str, tuple[PolicyAdopted, ...]] = {}
    enrolments: dict[UUID, EnrolmentRecorded] = {}
    for fact in facts:
        if isinstance(fact, PolicyAdopted):
            adoptions = with_adoption(adoptions, fact)
        elif isinstance(fact, EnrolmentRecorded):
            enrolments[fact.enrolment] = fact
    return Known(_shelve(facts), enrolments, adoptions, max(map(instant_of, facts), default=BEGINNING))


def _shelve(facts: list[Fact]) -> dict[str, Shelf]:
    gone = taken_off(facts)
    current: dict[str, list[EvidenceRecorded]] = {}
    retired: dict[str, list[Retired]] = {}
    for fact in facts:
        if isinstance(fact, EvidenceRecorded):
            pieces = current.setdefault(fact.competency, [])
            if fact.id in gone:
                retired.setdefault(fact.competency, []).append((fact, gone[fact.id]))
            else:
                pieces.append(fact)
    return {
        competency: Shelf(Prefix(sorted(pieces, key=order_of)), in_order(retired.get(competency, ())))
        for competency, pieces in current.items()
    }
