"""Seeded traffic of one sender over every door: new evidence, revisions, withdrawals, voids, and repeats of all."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from uuid import UUID

from tests.support.doors.wording import TASKS
from tests.support.ledger.book import Piece
from tests.support.ledger.chronicle import Said

SKILLS = ("TEAM", "SAFE")
FIRST_DAY, DAYS = date(2026, 1, 1), 320
REVISED, WITHDRAWN = 0.08, 0.03  # of what a door that can says
NAMELESS = 0.2  # of statements come without an id, as Moodle's do
FILE_ROWS = (100, 200)
FILE_AGAIN = 0.1  # how often a file is among what may be said once more


class Door(StrEnum):
    """Where a delivery goes."""

    FORM = "form"
    LINES = "lines"
    STATEMENTS = "statements"
    STATEMENT = "statement"  # one, by PUT
    OBSERVATION = "observation"
    PACKAGE = "package"
    TABLE = "table"


FILES = {Door.PACKAGE, Door.TABLE}
OFTEN = {
    Door.FORM: 60, Door.LINES: 44, Door.STATEMENTS: 34, Door.STATEMENT: 16, Door.OBSERVATION: 40, Door.PACKAGE: 2,
    Door.TABLE: 1,
}  # fmt: skip


@dataclass(frozen=True)
class Delivery:
    """One request's worth; `name` is its message id or idempotency key, `first` its first line's number."""

    door: Door
    name: str
    said: tuple[Said, ...]
    first: int = 0


@dataclass
class Sender:
    """Nobody else says anything of its learners, so their order is the order of its requests."""

    name: str
    students: Sequence[str]
    chance: random.Random
    doors: Sequence[Door] = tuple(Door)
    sent: dict[Door, list[Delivery]] = field(default_factory=lambda: defaultdict(list))
    next_line: int = 1
    made: int = 0
    repeated: int = 0
    records: dict[Door, list[Said]] = field(default_factory=lambda: defaultdict(list))

    def deliveries(self, pieces: int, repeats: float) -> Iterator[Delivery]:
        """Until so many pieces of evidence were said; that share of everything is said again."""
        while self.made < pieces:
            delivery = self._new(pieces - self.made)
            self.made += sum(each.piece is not None for each in delivery.said)
            self.sent[delivery.door].append(delivery)
            yield delivery
            while self.repeated < repeats * self.made:
                again = self._again()
                self.repeated += len(again.said)
                yield again

    # ---- what is new

    def _new(self, most: int) -> Delivery:
        door = self.chance.choices(self.doors, [OFTEN[door] for door in self.doors])[0]
        return getattr(self, f"_{door}")(most)  # type: ignore[no-any-return]

    def _form(self, most: int) -> Delivery:
        name = self._name(Door.FORM)
        if (old := self._old(Door.FORM)) is not None:
            return self._keyed(Door.FORM, name, [self._after(old)])
        student, day = self.chance.choice(self.students), self._day()
        skills = self.chance.sample(SKILLS, min(most, self.chance.randint(1, len(SKILLS))))
        said = [self._piece(f"{name}#{skill}", student, skill, day) for skill in skills]
        return self._keyed(Door.FORM, name, said)

    def _lines(self, most: int) -> Delivery:
        said = self._some(Door.LINES, min(most, self.chance.randint(1, 12)))
        return self._numbered(said)

    def _statements(self, most: int) -> Delivery:
        count = min(most, self.chance.randint(1, 10))
        said = self._some(Door.STATEMENTS, count, self._stated)
        return Delivery(Door.STATEMENTS, "", tuple(said))

    def _statement(self, most: int) -> Delivery:
        said = replace(self._stated(self._say(Door.STATEMENTS, 0)), **self._named())
        said = replace(said, key=said.statement)
        self.records[Door.STATEMENTS].append(said)
        return Delivery(Door.STATEMENT, "", (said,))

    def _observation(self, most: int) -> Delivery:
        name = self._name(Door.OBSERVATION)
        said = self._piece(name, self.chance.choice(self.students), self.chance.choice(SKILLS), self._day())
        return self._keyed(Door.OBSERVATION, name, [said])

    def _package(self, most: int) -> Delivery:
        return self._file(Door.PACKAGE, most)

    def _table(self, most: int) -> Delivery:
        return self._file(Door.TABLE, most)

    def _file(self, door: Door, most: int) -> Delivery:
        said = self._some(door, min(most, self.chance.randint(*FILE_ROWS)))
        once = {each.record: each for each in said}  # a file says one thing of a record
        return self._keyed(door, self._name(door), list(once.values()))

    def _some(self, door: Door, count: int, done: Callable[[Said], Said] = lambda said: said) -> list[Said]:
        said = [done(self._say(door, number)) for number in range(count)]
        self.records[door] += said  # only now, so that nothing is taken back by the request that says it
        return said

    def _say(self, door: Door, number: int) -> Said:
        if (old := self._old(door)) is not None:
            return self._after(old)
        record = f"{self._name(door)}-{number}"
        record = TASKS + record if door is Door.STATEMENTS else record
        return self._piece(record, self.chance.choice(self.students), self.chance.choice(SKILLS), self._day())

    def _old(self, door: Door) -> Said | None:
        """Something said before, now and then, to say otherwise."""
        known = self.records[door]
        return self.chance.choice(known) if known and self.chance.random() < REVISED + WITHDRAWN else None

    def _after(self, old: Said) -> Said:
        """What is said of it now: another score, or that it is gone."""
        if old.piece is None or self.chance.random() < REVISED / (REVISED + WITHDRAWN):
            skill = old.record.partition("#")[2] or (old.piece.competency if old.piece else self.chance.choice(SKILLS))
            return self._piece(old.record, old.learner, skill, old.piece.at if old.piece else self._day())
        return Said("", old.record, old.learner, None, takes_back=old.statement)

    def _piece(self, record: str, student: str, skill: str, day: str) -> Said:
        return Said("", record, student, Piece(record, student, skill, Fraction(self.chance.randint(20, 95)), day))

    def _stated(self, said: Said) -> Said:
        """With an id, or known by what it says."""
        if said.piece is None and not said.takes_back:  # of what has no id nothing can be taken back
            said = self._piece(said.record, said.learner, self.chance.choice(SKILLS), self._day())
        if said.takes_back or self.chance.random() > NAMELESS:
            named = replace(said, **self._named())
            return replace(named, key=named.statement)
        assert said.piece is not None, "it was scored"
        return replace(said, key=f"{said.record}|{said.piece.competency}|{said.piece.value}|{said.piece.at}")

    def _named(self) -> dict[str, str]:
        return {"statement": str(UUID(int=self.chance.getrandbits(128), version=4))}

    # ---- what is said once more

    def _again(self) -> Delivery:
        """The same request, or the same content as another message, on other lines, in another batch, in a new file."""
        doors = [door for door in self.sent if door not in FILES or self.chance.random() < FILE_AGAIN]
        old = self.chance.choice([each for door in doors or self.sent for each in self.sent[door]])
        if old.door is Door.OBSERVATION or self.chance.random() < 0.5:
            return old
        match old.door:
            case Door.LINES:
                return self._numbered(old.said[:1])
            case Door.STATEMENTS | Door.STATEMENT:
                return self._regrouped(old)
            case _:
                return self._keyed(old.door, f"{old.name}-again-{self.repeated}", old.said)

    def _regrouped(self, old: Delivery) -> Delivery:
        others = [each.said[-1] for each in self.sent[Door.STATEMENTS][-3:]]
        batch = {each.key: each for each in (*others, old.said[0])}
        return Delivery(Door.STATEMENTS, "", tuple(batch.values()))

    # ---- names and numbers

    def _keyed(self, door: Door, name: str, said: Sequence[Said]) -> Delivery:
        keyed = tuple(replace(each, key=f"{name}/{number}") for number, each in enumerate(said))
        if door is Door.FORM:
            self.records[door] += keyed
        return Delivery(door, name, keyed)

    def _numbered(self, said: Sequence[Said]) -> Delivery:
        first = self.next_line
        self.next_line += len(said)
        lines = tuple(replace(each, key=f"{self.name}/line {number}") for number, each in enumerate(said, first))
        return Delivery(Door.LINES, "", lines, first)

    def _name(self, door: Door) -> str:
        return f"{self.name}-{door}-{self.made}-{len(self.sent[door])}-{self.repeated}"

    def _day(self) -> str:
        """Later and later, though not in order: some is shown before what was sent earlier."""
        passed = min(DAYS - 1, self.made // 6 + self.chance.randrange(30))
        return (FIRST_DAY + timedelta(days=passed)).isoformat()
