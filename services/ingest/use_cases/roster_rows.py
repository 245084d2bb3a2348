"""The rows of a roster package, learner by learner: each row's outcome, the book, and enrolments that end."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from contracts.learners_v1 import Enrolment, LearnerEnrolledV1
from services.ingest.domain.claims import Fault, Held, Identifier, NoClaim
from services.ingest.domain.outcomes import Outcome
from services.ingest.domain.roster import RosterEntry
from services.ingest.formats.oneroster_people import ENROLLMENTS, USERS, PersonRow, Unit
from services.ingest.storage import imports, inbox, packages, rosters, vault, verdicts
from services.ingest.storage.imports import Import
from services.ingest.storage.packages import Said
from services.ingest.storage.rosters import RosterImport
from services.ingest.use_cases.group import Draft, Group
from services.ingest.use_cases.link import Linking
from services.ingest.use_cases.roster import ImportRoster, RosterResult
from services.ingest.use_cases.settle import Item, Origin, Place, Settle, Settled, outcome_row

NOT_ENROLLED = NoClaim("not-enrolled")


@dataclass(frozen=True, slots=True)
class Static:
    """A row whose end is known from the package alone, and its number."""

    number: int
    row: PersonRow


@dataclass(slots=True)
class Done:
    """How many pieces, their outcomes and their effect on enrolments."""

    reached: int
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    effects: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class RosterWork:
    """What every piece of a roster is settled with."""

    linking: Linking
    settle: Settle
    origin: Origin
    receipt: UUID
    received_at: datetime
    told: RosterImport
    tag: Any  # of a file and a sourcedId

    def adapted(self, entry: RosterEntry) -> RosterEntry:
        """As whoever sent it wants it taken."""
        identifiers, told = entry.identifiers, self.told
        if told.link_email and entry.email and not any(each.scheme == "email" for each in identifiers):
            identifiers = (*identifiers, Identifier("email", entry.email))
        enrolments = [replace(each, withdrawn=each.withdrawn or entry.withdrawn) for each in entry.enrolments]
        if told.organisation is not None:
            enrolments = [replace(each, organisation=told.organisation) for each in enrolments]
        return replace(entry, identifiers=identifiers, enrolments=tuple(enrolments))


@dataclass(frozen=True, slots=True)
class SettlePeople:
    """Work: some pieces, static rows or learners with all their rows, in one transaction."""

    alone: ClassVar[bool] = True
    behind: ClassVar[bool] = True
    work: RosterWork
    progress: Import
    pieces: Sequence[Static | Unit]
    lines: Sequence[int]  # of every row, by its number
    dry: bool = False

    @property
    def items(self) -> int:
        return len(self.pieces)

    def ask(self, group: Group) -> None:
        """Whom they name is looked up when they are decided."""

    def decide(self, draft: Draft) -> Done:
        """People first, as they may be each other's; then each row's outcome."""
        paper = Draft(draft.group) if self.dry else draft
        units = [piece for piece in self.pieces if isinstance(piece, Unit)]
        people = [self.work.adapted(unit.entry) for unit in units]
        importing = ImportRoster(self.work.linking, people, self.work.told.told_by, self.dry)
        importing.ask(paper.group)
        result = importing.decide(paper)
        done = Done(self.progress.next_row + len(self.pieces))
        for piece in self.pieces:
            if isinstance(piece, Static):
                assert piece.row.problem is not None, "that is what makes it static"
                self._settle(paper, piece.number, piece.row.problem, done)
        for unit, person, learner in zip(units, people, result.learners, strict=True):
            self._unit(paper, unit, person, learner, result, done)
        self._progress(paper, result, done)
        return done

    def _unit(
        self, draft: Draft, unit: Unit, person: RosterEntry, learner: UUID | None, result: RosterResult, done: Done
    ) -> None:
        refused = result.refused.get(person.row)
        if unit.user is not None:
            said = refused or (NOT_ENROLLED if learner is None else None)
            self._end(draft, unit.user, said, changed=person.row in result.changed, done=done)
            self._book(draft, USERS, unit.sourced_id, unit.user, None, None, gone=person.withdrawn)
        for each in person.enrolments:
            number = unit.enrolments[each.id]
            enrolled, effect = result.enrolments.get(each.id, (None, None))
            fault = Held(refused) if refused else result.refused_enrolments.get(each.id)
            said_of = fault or (NOT_ENROLLED if enrolled is None else None)
            self._end(draft, number, said_of, changed=effect is not None, done=done)
            done.effects[effect or ""] += 1
            record = None if each.withdrawn or enrolled is None else enrolled.bytes
            parent = self.work.tag(USERS, unit.sourced_id)
            self._book(draft, ENROLLMENTS, each.id, number, parent, record, gone=each.withdrawn)

    def _end(self, draft: Draft, number: int, said: Any, *, changed: bool, done: Done) -> None:
        if said is not None:
            self._settle(draft, number, said, done)
            return
        outcome = Outcome.ACCEPTED if changed else Outcome.DUPLICATE
        put_outcome(draft, self.work.origin, self._place(number), Settled(number, outcome, self.lines[number]))
        done.outcomes[outcome] += 1

    def _settle(self, draft: Draft, number: int, said: Fault | Held | NoClaim, done: Done) -> None:
        item = Item(said, self.lines[number])
        settled = self.work.settle(draft, self.work.origin, self._place(number), item)
        done.outcomes[settled.outcome] += 1

    def _place(self, number: int) -> Place:
        return Place(self.progress.receipt, self.work.receipt, number, self.work.received_at)

    def _book(
        self,
        draft: Draft,
        file: str,
        sourced_id: str,
        number: int,
        parent: bytes | None,
        record: bytes | None,
        *,
        gone: bool,
    ) -> None:
        seen = self.progress.receipt
        said = Said(self.work.tag(file, sourced_id), parent, seen, self.lines[number], seen, b"", record, gone)
        draft.writes.add(packages.PUT_ROW, said.row(self.work.origin.source, file))

    def _progress(self, draft: Draft, result: RosterResult, done: Done) -> None:
        id_ = self.progress.id.bytes
        draft.writes.add(imports.MOVE_IMPORT, (done.reached, len(self.lines), "running", id_))
        counts = (result.registered, result.linked, result.enrolled, result.released, id_)
        draft.writes.add(rosters.ADD_COUNTS, counts)
        effects = (done.effects["added"], done.effects["changed"], done.effects["removed"], id_)
        draft.writes.add(verdicts.ADD_EFFECTS, effects)


@dataclass(frozen=True, slots=True)
class EndEnrolments:
    """Work: enrolments that a complete roster no longer has, or whose user it no longer has, end today."""

    alone: ClassVar[bool] = True
    behind: ClassVar[bool] = True
    work: RosterWork
    progress: Import
    rows: Sequence[tuple[int, str, Said]]  # number of the item, file
    book_only: Sequence[tuple[str, Said]]
    reached: int
    total: int
    state: str

    @property
    def items(self) -> int:
        return len(self.rows)

    def ask(self, group: Group) -> None:
        """The enrolments are read when it is decided."""

    def decide(self, draft: Draft) -> None:
        """Each once: one that has ended says nothing new."""
        ids = {UUID(bytes=said.record): (number, said) for number, _, said in self.rows if said.record}
        known = vault.enrolments_by_id(draft.group.cursor, ids)
        ended = 0
        for id_, (number, _) in ids.items():
            changed = id_ in known and self._end(draft, id_, known[id_])
            ended += changed
            outcome = Outcome.ACCEPTED if changed else Outcome.DUPLICATE
            place = Place(self.progress.receipt, self.work.receipt, number)
            put_outcome(draft, self.work.origin, place, Settled(number, outcome, reason="removed"))
        gone = [*((file, said) for _, file, said in self.rows), *self.book_only]
        source, seen = self.work.origin.source, self.progress.receipt
        draft.writes.add(
            packages.PUT_ROW, *(replace(s, seen=seen, record=None, gone=True).row(source, file) for file, s in gone)
        )
        draft.writes.add(imports.MOVE_IMPORT, (self.reached, self.total, self.state, self.progress.id.bytes))
        draft.writes.add(verdicts.ADD_EFFECTS, (0, 0, ended, self.progress.id.bytes))

    def _end(self, draft: Draft, id_: UUID, row: tuple[Any, ...]) -> bool:
        group, tenant = draft.group, self.work.origin.tenant
        learner, organisation, cohort, begins_on, ends_on = row
        today = group.now.date().isoformat()
        if ends_on is not None and ends_on <= today:
            return False
        draft.writes.add(vault.PUT_ENROLMENT, (id_.bytes, tenant, learner, organisation, cohort, begins_on, today))
        enrolment = Enrolment(
            id=id_, organisation=organisation, cohort=cohort, begins_on=begins_on, ends_on=group.now.date()
        )
        about = self.work.linking.about
        event = LearnerEnrolledV1(enrolment=enrolment)
        draft.writes.messages.append(about(UUID(bytes=learner), event, group.ids.new(), tenant, group.now))
        return True


def put_outcome(draft: Draft, origin: Origin, place: Place, settled: Settled) -> None:
    """An outcome that no claim came to."""
    draft.writes.add(inbox.PUT_OUTCOME, outcome_row(place, settled))
    draft.writes.tally[origin.tenant, origin.source, settled.outcome] += 1


def pieces_of(rows: Sequence[PersonRow], units: Sequence[Unit]) -> Iterator[Static | Unit]:
    """What is settled one after the other: rows that stand for themselves, then learners."""
    for number, row in enumerate(rows):
        if row.problem is not None:
            yield Static(number, row)
    yield from units
