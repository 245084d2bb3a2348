"""Those who tell ingest something: forms, lines, observations, rosters, links; in any order, and again."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

from services.ingest.domain.claims import Identifier
from services.ingest.domain.roster import RosterEnrolment, RosterEntry
from services.ingest.use_cases.link import LinkIdentifier
from services.ingest.use_cases.observe import Observed, submission_of
from services.ingest.use_cases.read import Read
from services.ingest.use_cases.roster import ImportRoster
from services.ingest.use_cases.stream import TakeLines
from services.ingest.use_cases.take import TakeSubmission
from tests.simulation import school
from tests.simulation.said import Letter, line_of
from tests.simulation.school import TENANT
from tests.simulation.stage import Attempt, Stage

SCHEME = "student"


class Senders(Stage):
    """What may be sent next."""

    def send_letter(self) -> None:
        if self.unsent and self.random.random() < 0.7:
            letter = self.unsent.pop(self.random.randrange(len(self.unsent)) if self.random.random() < 0.3 else 0)
        else:
            letter = self.random.choice(self.letters)
            if letter in self.unsent:
                return
            if self.random.random() < 0.1:  # the same key with other content
                letter = dataclasses.replace(letter, says=self.random.choice(self.letters).says)
                if letter.says[0].source != ("forms" if letter.door == "webhook" else "observations"):
                    return
        self.do(f"send {letter.id}", lambda: self.submit(letter, self._letter_work(letter)))

    def _letter_work(self, letter: Letter) -> Any:
        parts = self.ingest.parts
        tags = parts.tags.of(TENANT)
        if letter.door == "webhook":
            source = parts.sources.get(f"{TENANT}.forms")
            return TakeSubmission(Read(source, tags, parts.clock.now()).webhook(letter.id, letter.raw()), parts.settle)
        (said,) = letter.says
        observed = Observed(TENANT, school.HOME, "t-1", "teacher", None)
        body: dict[str, Any] = {
            "learner": {"scheme": SCHEME, "value": said.student},
            "competency": {"code": said.code, "framework": None},
            "rating": {"scale": "percent", "level": None, "score": said.score, "observed": True},
            "pathway": "classroom",
            "kind": "summative",
            "activity": None,
            "artifact": said.record,
            "attempt": None,
            "comment": None,
        }
        return TakeSubmission(submission_of(observed, body, said.at, letter.id, tags), parts.settle)

    def send_lines(self) -> None:
        source = self.random.choice(school.STREAMS)
        count = len(self.lines[source])
        if count:
            first = self.random.randint(1, count)
            wanted = self.oracle.next_line[source]
            first = first if self.random.random() < 0.3 else min(wanted, count)
            last = self.random.randint(first, count)
            self.do(f"send {source} {first}-{last}", lambda: self._send_lines(source, first, last))

    def _send_lines(self, source: str, first: int, last: int) -> Attempt:
        parts, lines = self.ingest.parts, self.lines[source][first - 1 : last]
        tags, body = parts.tags.of(TENANT), b"\n".join(line_of(said) for said in lines)
        origin, read = Read(parts.sources.get(f"{TENANT}.{source}"), tags, parts.clock.now()).lines(body, first)
        work = TakeLines(origin, self.streams[source], read, body, tags.content(body), parts.settle)
        return self.submit((source, first, lines), work)

    def register(self) -> None:
        student = self.random.choice(self.students)
        self.do(f"register {student}", lambda: self._register(student))

    def _register(self, student: str) -> Attempt:
        parts = self.ingest.parts
        today = self.world.time.at.date()
        begins, ends = self.random.choice(((None, None), (None, None), (-3, 1), (1, None), (None, -1)))
        enrolment = RosterEnrolment(
            f"e-{student}-{self.random.randint(1, 2)}",
            school.HOME if self.random.random() < 0.8 else "elsewhere",
            begins_on=None if begins is None else today + timedelta(days=begins),
            ends_on=None if ends is None else today + timedelta(days=ends),
        )
        entry = RosterEntry(1, (Identifier(SCHEME, student),), "student", enrolments=(enrolment,))
        return self.submit(student, ImportRoster(parts.linking(TENANT), [entry], "office"))

    def link(self) -> None:
        ready = [alias for alias, student in self.aliases.items() if student in self.identity.means]
        if ready:
            alias = self.random.choice(ready)
            self.do(f"link {alias}", lambda: self._link(alias))

    def _link(self, alias: str) -> Attempt:
        learner, linking = self.identity.means[self.aliases[alias]], self.ingest.parts.linking(TENANT)
        return self.submit(alias, LinkIdentifier(linking, learner, Identifier(SCHEME, alias), "registrar"))
