"""Facts taken in one by one, in whatever order they arrive, into what is known."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.mastery.domain.applying import Judging, judging_from
from services.mastery.domain.facts import (
    EVIDENCE,
    EnrolmentRecorded,
    EvidenceRecorded,
    EvidenceWithdrawn,
    Fact,
    PolicyAdopted,
)
from services.mastery.domain.known import (
    BEGINNING,
    EMPTY_SHELF,
    FOR_EVER,
    REVISED,
    WITHDRAWN,
    Known,
    Shelf,
    instant_of,
    with_adoption,
)
from services.mastery.domain.rules import CompiledPolicy, Rules


@dataclass(slots=True)
class Foreseen:
    """What would be known with a fact, and the shelves it touches, as it would leave them."""

    fact: Fact
    known: Known
    touched: dict[str, Shelf] = field(default_factory=dict)


@dataclass(slots=True)
class Shelving:
    """What is known so far, and what finding the next fact's place takes."""

    shelves: dict[str, Shelf] = field(default_factory=dict)
    enrolments: dict[UUID, EnrolmentRecorded] = field(default_factory=dict)
    adoptions: dict[str, tuple[PolicyAdopted, ...]] = field(default_factory=dict)
    as_of: datetime = BEGINNING
    pieces: dict[UUID, EvidenceRecorded] = field(default_factory=dict)
    gone: dict[UUID, str] = field(default_factory=dict)  # may name evidence that has not arrived
    judging: tuple[Rules, Judging] | None = field(default=None, compare=False, repr=False)  # who judges, while it holds
    settled: dict[str, datetime] = field(default_factory=dict, compare=False, repr=False)  # by digest, until when
    foreseen: Foreseen | None = field(default=None, compare=False, repr=False)
    reached: datetime = field(default=BEGINNING, compare=False, repr=False)  # up to when time has been let pass
    due: tuple[Rules, datetime] | None = field(default=None, compare=False, repr=False)  # when time next moves anything

    def known(self) -> Known:
        """What is known now; good until the next `take`."""
        return Known(self.shelves, self.enrolments, self.adoptions, self.as_of)

    def after(self, fact: Fact) -> Foreseen:
        """What would be known with this fact, leaving this as it is; most often it is taken in next."""
        as_of = max(self.as_of, instant_of(fact))
        shelves, enrolments, adoptions, touched = self.shelves, self.enrolments, self.adoptions, dict[str, Shelf]()
        if isinstance(fact, EVIDENCE):
            touched = self.touched(fact)
            shelves = {**shelves, **touched}
        elif isinstance(fact, EnrolmentRecorded):
            enrolments = {**enrolments, fact.enrolment: fact}
        elif isinstance(fact, PolicyAdopted):
            adoptions = with_adoption(adoptions, fact)
        self.foreseen = Foreseen(fact, Known(shelves, enrolments, adoptions, as_of), touched)
        return self.foreseen

    def take(self, fact: Fact) -> None:
        """Take the fact in; one that was foreseen with what was reckoned on its shelves meanwhile."""
        foreseen, self.foreseen = self.foreseen, None
        if isinstance(fact, EVIDENCE):
            if foreseen and foreseen.fact is fact:
                self.shelves.update(foreseen.touched)
            else:  # its shelves were not judged: until when they hold is not known
                self.settled.clear()
                self.shelves.update(self.touched(fact))
            self._index(fact)
        elif isinstance(fact, EnrolmentRecorded):
            self._unsettle()
            self.enrolments[fact.enrolment] = fact
        elif isinstance(fact, PolicyAdopted):
            self._unsettle()
            self.adoptions = with_adoption(self.adoptions, fact)
        self.as_of = max(self.as_of, instant_of(fact))
        self.reach(self.as_of)

    def reach(self, instant: datetime) -> None:
        """Time has passed up to there, and what it brings about is settled."""
        self.reached, self.due = max(self.reached, instant), None

    @property
    def same_judges_until(self) -> datetime:
        """Until when those last found by `judging_at` stay the same, while nothing else becomes known."""
        return FOR_EVER if self.judging is None else self.judging[1].until

    def judging_at(self, rules: Rules, as_of: datetime) -> Mapping[str, CompiledPolicy]:
        """The policies in force for what is known now; looked for again when a day ends, a version begins or ends."""
        if self.judging is None or self.judging[0] is not rules or not self.judging[1].holds_at(as_of):
            self.judging = rules, judging_from(self.known(), rules, as_of)
        return self.judging[1].policies

    def _unsettle(self) -> None:
        self.judging = None
        self.settled.clear()

    def touched(self, fact: EvidenceRecorded | EvidenceWithdrawn) -> dict[str, Shelf]:
        """The shelves the fact would change, as it would leave them."""
        if isinstance(fact, EvidenceWithdrawn):
            return self._set_aside(fact.withdraws, WITHDRAWN)
        shelves = self._set_aside(fact.revises, REVISED) if fact.revises else {}
        shelf = shelves.get(fact.competency) or self.shelves.get(fact.competency, EMPTY_SHELF)
        gone = self.gone.get(fact.id) if self.gone else None
        shelves[fact.competency] = shelf.with_retired(fact, gone) if gone else shelf.with_current(fact)
        return shelves

    def _set_aside(self, evidence_id: UUID, rule: str) -> dict[str, Shelf]:
        piece = self.pieces.get(evidence_id)
        if piece is None or self.gone.get(evidence_id) == WITHDRAWN:
            return {}  # not arrived yet, or already set aside for good
        return {piece.competency: self.shelves[piece.competency].with_retired(piece, rule)}

    def touched_competencies(self, fact: EvidenceRecorded | EvidenceWithdrawn) -> list[str]:
        """The competencies whose shelves the fact would change, in a fixed order."""
        named = fact.withdraws if isinstance(fact, EvidenceWithdrawn) else fact.revises
        piece = self.pieces.get(named) if named is not None else None
        found = {piece.competency} if piece is not None else set()
        return sorted(found | {fact.competency} if isinstance(fact, EvidenceRecorded) else found)

    def _index(self, fact: EvidenceRecorded | EvidenceWithdrawn) -> None:
        if isinstance(fact, EvidenceWithdrawn):
            self.gone[fact.withdraws] = WITHDRAWN
            return
        self.pieces[fact.id] = fact
        if fact.revises is not None:
            self.gone.setdefault(fact.revises, REVISED)
