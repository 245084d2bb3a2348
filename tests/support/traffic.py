"""Seeded traffic: forms and stream lines about some learners, in a fixed order for each sender, with repeats."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction

from tests.support.ledger.book import Piece

SKILLS = ("TEAM", "SAFE")
FIRST_DAY = date(2026, 1, 1)
DAYS = 320
LINES_MAX = 12


@dataclass(frozen=True)
class Form:
    """A webhook: its message id, and what it says."""

    message: str
    body: bytes
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Lines:
    """Some lines of the sender's stream; `first` before the last that was sent means: the same once more."""

    first: int
    lines: tuple[bytes, ...]
    pieces: tuple[Piece, ...]


Delivery = Form | Lines


@dataclass
class Sender:
    """One sender's traffic. Nobody else says anything of its learners, so their order is the order of its requests."""

    name: str
    students: Sequence[str]
    chance: random.Random
    next_line: int = 1
    forms: list[Form] = field(default_factory=list)
    said: list[Lines] = field(default_factory=list)
    repeated: int = 0

    def deliveries(self, pieces: int, repeats: int) -> Iterator[Delivery]:
        """So many pieces of evidence, and now and then one that was sent before, until so many were."""
        made = 0
        while made < pieces:
            delivery = self._new(pieces - made)
            made += len(delivery.pieces)
            yield delivery
            if self.repeated < repeats * made // pieces:
                again = self._again()
                self.repeated += len(again.pieces)
                yield again

    def _new(self, most: int) -> Delivery:
        return self._form(most) if self.chance.random() < 0.5 else self._lines(most)

    def _form(self, most: int) -> Form:
        name = f"{self.name}-f{len(self.forms)}"
        student, day = self.chance.choice(self.students), self._day()
        skills = self.chance.sample(SKILLS, min(most, self.chance.randint(1, len(SKILLS))))
        scores = [{"skill": skill, "score": self._score()} for skill in skills]
        body = json.dumps({"form": name, "student": student, "day": day, "scores": scores}).encode()
        said = Form(f"msg-{name}", body, read_form(body))
        self.forms.append(said)
        return said

    def _lines(self, most: int) -> Lines:
        first, count = self.next_line, min(most, self.chance.randint(1, LINES_MAX))
        lines = tuple(self._line(number) for number in range(first, first + count))
        return self._say(lines)

    def _line(self, number: int) -> bytes:
        place = {"task": f"{self.name}-l{number}", "student": self.chance.choice(self.students), "day": self._day()}
        return json.dumps({**place, "skill": self.chance.choice(SKILLS), "score": self._score()}).encode()

    def _say(self, lines: tuple[bytes, ...]) -> Lines:
        said = Lines(self.next_line, lines, tuple(map(read_line, lines)))
        self.next_line += len(lines)
        self.said.append(said)
        return said

    def _again(self) -> Delivery:
        """The same message, the same record in another message, the same line, or the same record on another line."""
        kind = self.chance.randrange(4)
        if kind < 2 and self.forms:
            form = self.chance.choice(self.forms)
            return form if kind else Form(f"{form.message}-again-{self.repeated}", form.body, form.pieces)
        if not self.said:
            return self._again()
        lines = self.chance.choice(self.said)
        return lines if kind == 2 else self._say(lines.lines[:1])

    def _day(self) -> str:
        """Later and later, though not in order: some is shown before what was sent earlier."""
        passed = min(DAYS - 1, (self.next_line + len(self.forms)) // 3 + self.chance.randrange(30))
        return (FIRST_DAY + timedelta(days=passed)).isoformat()

    def _score(self) -> int:
        return self.chance.randint(20, 95)


def read_form(body: bytes) -> tuple[Piece, ...]:
    """The pieces of a form, from its bytes."""
    said = json.loads(body)
    return tuple(
        Piece(f"{said['form']}#{each['skill']}", said["student"], each["skill"], Fraction(each["score"]), said["day"])
        for each in said["scores"]
    )


def read_line(line: bytes) -> Piece:
    """The piece of a line, from its bytes."""
    said = json.loads(line)
    return Piece(said["task"], said["student"], said["skill"], Fraction(said["score"]), said["day"])
