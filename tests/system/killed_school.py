"""A school whose services are killed again and again while its senders use every door; and what can be asked after."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.support.answers import get, history_of, of_each, standings_of
from tests.support.auditing import Auditor
from tests.support.documents import PERCENT, policy
from tests.support.doors import wording
from tests.support.doors.clumsy import Clumsy
from tests.support.doors.sending import Book, DoorSender, Premises, in_threads
from tests.support.doors.traffic import SKILLS, Delivery, Door, Sender
from tests.support.killing import Gate, Killer
from tests.support.ledger.policy import read_policy
from tests.support.ledger.reckoning import Standing
from tests.support.office import ORGANISATION, Office, identifier_of
from tests.support.processes import SERVICES, wait_for
from tests.support.watch import at_rest

POLICY_ID, REQUIREMENT = "ups-and-downs", "work-ready"
POLICIES = {name: policy(name) for name in (POLICY_ID, "watching")}
RECKONED = {name: read_policy(document, Fraction(PERCENT["proficient"])) for name, document in POLICIES.items()}
Judged = tuple[dict[str, Standing], dict[str, str]]
LOOK_FOR_WORK_S = 1.5
AT_REST_S = 120


@dataclass(frozen=True)
class Plan:
    """How much of everything."""

    seed: int
    pieces: int
    repeats: float
    kills: int
    senders: int
    students: int


@dataclass
class School:
    """The traffic, the kills, and everybody's answers."""

    office: Office
    plan: Plan
    book: Book = field(default_factory=Book)
    gate: Gate = field(default_factory=Gate)

    def prepare(self) -> "School":
        """Documents, people, sources, and what is awarded."""
        office, plan = self.office, self.plan
        self.chance = random.Random(plan.seed)
        office.publish_framework("skills", {skill: identifier_of(skill) for skill in SKILLS})
        office.publish_scale(PERCENT)
        office.activate(POLICIES[POLICY_ID])
        office.define("work-ready", POLICY_ID, REQUIREMENT)
        self.students = [f"s-{number:03}" for number in range(plan.students)]
        self.learners = office.enrol(wording.SCHEME, self.students)
        self.premises = self._premises()
        wait_for(lambda: at_rest(office.system.store), 60, "everybody is known")
        learners = sorted(self.learners.values())
        self.auditor = Auditor(lambda: office.reader("mastery"), learners, random.Random(f"{plan.seed}/auditor"))
        return self

    def _premises(self) -> Premises:
        office = self.office
        return Premises(
            forms=office.source("forms", wording.FORMS, "work_based"),
            lines=office.source("lines", wording.LINES, "virtual"),
            statements=office.source("statements", wording.STATEMENTS, "virtual"),
            packages=office.source("packages", wording.PACKAGES, "classroom"),
            tables=office.source("tables", wording.TABLES, "cte"),
            teacher=office.system.key("teacher", organisation=ORGANISATION, person="teacher-7"),
        )

    def run(self) -> Killer:
        """Send everything while the services are killed; returns when all is answered and at rest."""
        numbers = range(self.plan.senders)
        self.couriers = [Clumsy(self.office.system.urls["ingest"], chance=self._chance("stumbles", n)) for n in numbers]
        senders = [
            DoorSender(each, self.premises, self.book, self.gate.wait, self.gate.count) for each in self.couriers
        ]
        threads = in_threads(zip(senders, map(self._traffic, numbers), strict=True))
        killer = self._killer(lambda: any(sender.fault for sender in senders))
        with self.auditor:
            killer.run()
            for thread in threads:
                thread.join(240)
        assert [sender.fault for sender in senders] == [None] * len(senders)
        assert not any(thread.is_alive() for thread in threads)
        killer.finish()
        self.office.system.wait_ready()
        wait_for(lambda: at_rest(self.office.system.store), AT_REST_S, "the services are at rest")
        return killer

    def _killer(self, hopeless: Callable[[], bool]) -> Killer:
        rounds = range(self.plan.kills // len(SERVICES))  # who is killed often waits longer and longer to start again
        order = [service for _ in rounds for service in self.chance.sample(SERVICES, len(SERVICES))]
        share = self.plan.pieces // (self.plan.kills + 1)
        return Killer(
            self.office.system, self.gate, self.couriers, order, share, self.chance, self._change_policy,
            look_for_s=LOOK_FOR_WORK_S, hopeless=hopeless,
        )  # fmt: skip

    def _change_policy(self) -> None:
        """Another policy begins to judge; the services were just being killed."""
        self.office.system.wait_ready()
        self.office.activate(POLICIES["watching"])

    def _traffic(self, number: int) -> Iterator[Delivery]:
        return self._drawn_sender(number).deliveries(-(-self.plan.pieces // self.plan.senders), self.plan.repeats)

    def _drawn_sender(self, number: int) -> Sender:
        """Nobody else says anything of these learners."""
        students = self.students[number :: self.plan.senders]
        return Sender(f"w{number}", students, self._chance("traffic", number), tuple(Door))

    def _chance(self, what: str, number: int) -> random.Random:
        return random.Random(f"{self.plan.seed}/{what}/{number}")

    def histories(self) -> dict[str, list[dict[str, Any]]]:
        """Every learner's events as mastery tells them."""
        with self.office.reader("mastery") as mastery:
            return of_each(self.learners, lambda learner: history_of(mastery, learner))

    def standings(self) -> dict[str, dict[str, Judged]]:
        """Competencies and requirements of every learner, by policy."""
        with self.office.reader("mastery") as mastery:
            return {
                name: of_each(self.learners, lambda learner, name=name: standings_of(mastery, learner, name))  # type: ignore[misc]
                for name in RECKONED
            }

    def credentials(self) -> dict[str, list[dict[str, Any]]]:
        """Every learner's."""
        with self.office.reader("credentials") as credentials:
            answers = of_each(self.learners, lambda learner: get(credentials, f"/v1/learners/{learner}/credentials"))
            return {student: answer["credentials"] for student, answer in answers.items()}
