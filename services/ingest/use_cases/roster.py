"""Importing a roster: who the learners are, which identifiers mean them, where they are enrolled; safe to repeat."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar
from uuid import UUID, uuid5

import orjson

from contracts.learners_v1 import Enrolment, LearnerEnrolledV1, LearnerRegisteredV1
from services.ingest.domain.checks import SLUG
from services.ingest.domain.claims import Fault
from services.ingest.domain.roster import RosterEnrolment, RosterEntry
from services.ingest.storage import vault
from services.ingest.storage.moves import merged_into
from services.ingest.use_cases.group import Draft, Group
from services.ingest.use_cases.link import Linking
from services.runtime.clock import to_micros
from services.runtime.store.database import Cursor


@dataclass(slots=True)
class RosterResult:
    """What an import changed, and which rows it could not take."""

    registered: int = 0
    linked: int = 0
    enrolled: int = 0
    released: int = 0
    learners: list[UUID | None] = field(default_factory=list)
    faults: list[tuple[int, Fault]] = field(default_factory=list)
    changed: set[int] = field(default_factory=set)  # rows of people of whom something was new
    refused: dict[int, Fault] = field(default_factory=dict)  # rows of people who cannot be told apart
    enrolments: dict[str, tuple[UUID, str | None]] = field(default_factory=dict)  # by the roster's id, with the effect
    refused_enrolments: dict[str, Fault] = field(default_factory=dict)

    def add(self, other: "RosterResult") -> None:
        """Sum up chunks."""
        self.registered += other.registered
        self.linked += other.linked
        self.enrolled += other.enrolled
        self.released += other.released
        self.learners += other.learners
        self.faults += other.faults


CHUNK = 500
NOT_SLUG = Fault("not-a-slug", "", "organisation takes lower-case letters, digits, dots, dashes; at most 63")
AMBIGUOUS = Fault("identifiers-of-several-learners", "", "its identifiers mean more than one learner already")


@dataclass(frozen=True, slots=True)
class ImportRoster:
    """Work: some rows of a roster."""

    alone: ClassVar[bool] = True
    linking: Linking
    people: Sequence[RosterEntry]
    told_by: str
    dry: bool = False  # only say what would change: nobody gets a key

    @property
    def items(self) -> int:
        return len(self.people)

    def ask(self, group: Group) -> None:
        """Whom the identifiers mean so far."""
        group.load((), (), {tag for person in self.people for tag in self._tags(person)})

    def decide(self, draft: Draft) -> RosterResult:
        """First who is who, then a key for everyone new, then all that is said of them."""
        result = RosterResult()
        who = self._identify(draft, result)
        new = {learner for _, learner, is_new in who if is_new}
        tenant = self.linking.tags.tenant
        if not self.dry:
            draft.group.keys.create_learner_keys(tenant, sorted(new, key=str))
        profiles = vault.profiles_of(draft.group.cursor, {learner for _, learner, _ in who})
        for person, learner, is_new in who:
            self._register(draft, person, learner, is_new, profiles, result)
            self._link(draft, person, learner, result)
        self._enrol(draft, who, result)
        return result

    def _identify(self, draft: Draft, result: RosterResult) -> list[tuple[RosterEntry, UUID, bool]]:
        who: list[tuple[RosterEntry, UUID, bool]] = []
        fresh: dict[bytes, UUID] = {}
        for person in self.people:
            tags = self._tags(person)
            meant = {found for tag in tags if (found := draft.learner(tag) or fresh.get(tag))}
            if len(meant) > 1:
                result.learners.append(None)
                result.faults.append((person.row, AMBIGUOUS))
                result.refused[person.row] = AMBIGUOUS
                continue
            if (person.withdrawn or person.known_only) and not meant:
                result.learners.append(None)
                continue
            learner = meant.pop() if meant else draft.group.ids.new()
            is_new = not any(draft.learner(tag) for tag in tags) and learner not in fresh.values()
            fresh |= dict.fromkeys(tags, learner)
            who.append((person, learner, is_new))
            result.learners.append(learner)
        return who

    def _tags(self, person: RosterEntry) -> list[bytes]:
        return [self.linking.tags.identifier(identifier) for identifier in person.identifiers]

    def _register(
        self,
        draft: Draft,
        person: RosterEntry,
        learner: UUID,
        is_new: bool,
        profiles: dict[UUID, bytes],
        result: RosterResult,
    ) -> None:
        group, tenant = draft.group, self.linking.tags.tenant
        plain = _profile(person)
        digest = self.linking.tags.content(plain)
        if profiles.get(learner) != digest:
            profiles[learner] = digest
            result.changed.add(person.row)
            if not self.dry:
                sealed = group.keys.learner_key(tenant, learner).seal(plain, learner.bytes)
                draft.writes.add(vault.PUT_LEARNER, (learner.bytes, tenant, to_micros(group.now), digest, sealed))
        if is_new:
            result.registered += 1
        if is_new and not self.dry:
            event = LearnerRegisteredV1(registered_by="roster")
            draft.writes.messages.append(self.linking.about(learner, event, group.ids.new(), tenant, group.now))

    def _link(self, draft: Draft, person: RosterEntry, learner: UUID, result: RosterResult) -> None:
        for identifier, tag in zip(person.identifiers, self._tags(person), strict=True):
            if draft.learner(tag) is None and self.dry:
                result.linked += 1
                result.changed.add(person.row)
                draft.known.learners[tag] = learner
            elif draft.learner(tag) is None:
                linked = self.linking.link(draft, learner, identifier, self.told_by)
                result.linked += 1
                result.changed.add(person.row)
                result.released += linked.released

    def _enrol(self, draft: Draft, who: Sequence[tuple[RosterEntry, UUID, bool]], result: RosterResult) -> None:
        group, tenant = draft.group, self.linking.tags.tenant
        ids = _EnrolmentIds(group.cursor, {learner for _, learner, _ in who})
        said = {ids.of(learner, each.id): (learner, each) for person, learner, _ in who for each in person.enrolments}
        rows = {ids.of(learner, each.id): person.row for person, learner, _ in who for each in person.enrolments}
        known = vault.enrolments_by_id(group.cursor, said)
        for id_, (learner, each) in said.items():
            if SLUG.fullmatch(each.organisation) is None:
                result.faults.append((rows[id_], NOT_SLUG))
                result.refused_enrolments[each.id] = NOT_SLUG
                continue
            enrolment = _enrolment(id_, each, known.get(id_), group.now.date())
            row = _row(learner, enrolment)
            result.enrolments[each.id] = id_, None
            if known.get(id_) == row or (each.withdrawn and id_ not in known):
                continue
            result.enrolled += 1
            effect = "removed" if each.withdrawn else "changed" if id_ in known else "added"
            result.enrolments[each.id] = id_, effect
            if self.dry:
                continue
            draft.writes.add(vault.PUT_ENROLMENT, (id_.bytes, tenant, *row))
            event = LearnerEnrolledV1(enrolment=enrolment)
            draft.writes.messages.append(self.linking.about(learner, event, group.ids.new(), tenant, group.now))


class _EnrolmentIds:
    """The id of a learner's enrolment: one that came along with a merged learner keeps the id it had."""

    def __init__(self, cursor: Cursor, learners: set[UUID]) -> None:
        self._cursor = cursor
        self._merged = {learner: found for learner in learners if (found := merged_into(cursor, learner))}

    def of(self, learner: UUID, id_: str) -> UUID:
        """By the roster's own id."""
        own = uuid5(learner, id_)
        for other in self._merged.get(learner, ()):
            came = uuid5(other, id_)
            row = vault.enrolments_by_id(self._cursor, [came]).get(came)
            if row is not None and row[0] == learner.bytes:
                return came
        return own


def _profile(person: RosterEntry) -> bytes:
    """What the vault keeps of a person, and nobody else."""
    profile = {"given_name": person.given_name, "family_name": person.family_name, "email": person.email}
    return orjson.dumps(profile, option=orjson.OPT_SORT_KEYS)


def _enrolment(id_: UUID, said: RosterEnrolment, known: tuple[Any, ...] | None, today: date) -> Enrolment:
    """One taken out of the roster ends on the day that was said, or else the day it was taken out."""
    ends_on = said.ends_on
    if said.withdrawn:
        ends_on = date.fromisoformat(known[4]) if known and known[4] else said.ends_on or today
    return Enrolment(
        id=id_, organisation=said.organisation, cohort=said.cohort, begins_on=said.begins_on, ends_on=ends_on
    )


def _row(learner: UUID, enrolment: Enrolment) -> tuple[Any, ...]:
    """As `enrolments_by_id` gives it."""
    days = (day.isoformat() if day else None for day in (enrolment.begins_on, enrolment.ends_on))
    return (learner.bytes, enrolment.organisation, enrolment.cohort, *days)


def import_roster(
    do: Callable[[ImportRoster], RosterResult],
    linking: Linking,
    entries: Sequence[RosterEntry],
    told_by: str,
    result: RosterResult,
) -> RosterResult:
    """In chunks: a kill between two leaves a roster half imported, and importing it again makes it whole."""
    for first in range(0, len(entries), CHUNK):
        result.add(do(ImportRoster(linking, entries[first : first + CHUNK], told_by)))
    return result
