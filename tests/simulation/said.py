"""What senders say, before anybody reads it: the plain facts, and the bytes they travel as."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tests.simulation.school import CODES, STREAMS

SCORES = ("20", "39.5", "40", "45", "50", "55", "60", "80", "100")
UNFIT = ("101", "x")
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Said:
    """One thing said about one student: a score, a withdrawal (no score), or something nobody can read."""

    source: str
    record: str
    student: str
    code: str
    score: str | None
    on: str
    spoilt: bool = False  # travels as bytes that are no JSON

    @property
    def readable(self) -> bool:
        return not self.spoilt and (self.score is None or self.score in SCORES)

    @property
    def at(self) -> datetime:
        """A bare date means the last instant of that day."""
        if len(self.on) == 10:
            return datetime.fromisoformat(self.on).replace(tzinfo=UTC) + DAY - timedelta(microseconds=1)
        return datetime.fromisoformat(self.on)


@dataclass(frozen=True)
class Letter:
    """A webhook or an observation: everything said under one message key."""

    door: str
    id: str
    says: tuple[Said, ...]

    def body(self) -> dict[str, Any]:
        first = self.says[0]
        form = first.record.partition("#")[0]
        scores = [{"skill": said.code, "score": said.score} for said in self.says]
        kind = "withdrawn" if first.score is None else "submitted"
        return {"type": kind, "form": form, "student": first.student, "on": first.on, "scores": scores}

    def raw(self) -> bytes:
        text = json.dumps(self.body()).encode()
        return text[:-1] if self.spoilt else text

    @property
    def spoilt(self) -> bool:
        return any(said.spoilt for said in self.says)

    @property
    def items(self) -> int:
        """What cannot be read at all is one thing that was said."""
        return 1 if self.spoilt else len(self.says)


def line_of(said: Said) -> bytes:
    """One line of a stream."""
    document = {"id": said.record, "student": said.student, "skill": said.code, "score": said.score, "on": said.on}
    if said.score is None:
        document = {"id": said.record, "gone": "true"}
    text = json.dumps(document).encode()
    return text[:-1] if said.spoilt else text


class Author:
    """Makes up what is said, from a seed."""

    def __init__(self, random: Random, students: list[str], start: datetime) -> None:
        self._random, self._students, self._start = random, students, start

    def chance(self, of: float) -> bool:
        return self._random.random() < of

    def letters(self, count: int) -> list[Letter]:
        """Forms about a few records over and over, and observations."""
        return [self._form(n) if self._random.random() < 0.7 else self._observation(n) for n in range(count)]

    def lines(self, source: str, count: int) -> list[Said]:
        """The lines of one stream."""
        return [self._line(source) for _ in range(count)]

    def _form(self, number: int) -> Letter:
        form, student = f"f{self._random.randint(1, 3)}", self._random.choice(self._students)
        codes = self._random.sample(CODES, self._random.randint(1, 2))
        if self._random.random() < 0.15:
            says = [Said("forms", f"{form}#{code}", student, code, None, self._day()) for code in codes]
            return Letter("webhook", f"m{number}", tuple(says))
        day, spoilt = self._day(), self._random.random() < 0.07
        says = [self._one("forms", f"{form}#{code}", student, code, day, spoilt) for code in codes]
        return Letter("webhook", f"m{number}", tuple(says))

    def _observation(self, number: int) -> Letter:
        code = self._random.choice(CODES)
        said = self._one(
            "observations", f"o{number}", self._random.choice(self._students), code, self._instant(), False
        )
        return Letter("observation", f"o{number}", (said,))

    def _line(self, source: str) -> Said:
        record, student = f"r{self._random.randint(1, 4)}", self._random.choice(self._students)
        code, withdrawable = self._random.choice(CODES), source in STREAMS[:2]
        if withdrawable and self._random.random() < 0.15:
            return Said(source, record, student, code, None, self._day())
        return self._one(source, record, student, code, self._day(), self._random.random() < 0.07)

    def _one(self, source: str, record: str, student: str, code: str, on: str, spoilt: bool) -> Said:
        score = self._random.choice(UNFIT if self._random.random() < 0.07 else SCORES)
        return Said(source, record, student, code, score, on, spoilt)

    def _day(self) -> str:
        days = self._random.randint(-20, 0) if self._random.random() < 0.7 else self._random.randint(0, 3)
        return (self._start + DAY * days).date().isoformat()

    def _instant(self) -> str:
        return (self._start - timedelta(minutes=self._random.randint(0, 20_000))).isoformat()
