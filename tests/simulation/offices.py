"""Those who set rules, decide on awards, and ask."""

from __future__ import annotations

from datetime import timedelta

from services.credentials.domain.events import Author as Decider
from services.credentials.domain.events import Decision
from services.mastery.use_cases.answer import LearnerUnknown, Question
from tests.simulation import school
from tests.simulation.registrars import Registrars
from tests.simulation.school import TENANT


class Offices(Registrars):
    """What an office, a principal or an auditor may do next."""

    def activate(self) -> None:
        if self.to_activate:
            policy, version = self.to_activate.pop()
            parts = self.world.running["mastery"].parts
            hours = self.random.choice((None, None, -50, 5, 30))
            begins = None if hours is None else self.world.time.at + timedelta(hours=hours)
            done = self.do(
                f"activate {policy} {version} {begins}",
                lambda: parts.set_policy.activate(policy, version, begins, school.OFFICE),
                "mastery",
            )
            if not done:
                self.to_activate.append((policy, version))

    def define(self) -> None:
        if self.to_define:
            name = self.to_define.pop()
            parts = self.world.running["credentials"].parts
            done = self.do(
                f"define {name}",
                lambda: parts.achievements.define(TENANT, school.ACHIEVEMENTS[name], "office"),
                "credentials",
            )
            if not done:
                self.to_define.append(name)
            elif not self.counts["register"]:
                self.defined_first.add(name)

    def decide(self) -> None:
        parts = self.world.running["credentials"].parts
        waiting = parts.awards._tools.queries.awards(TENANT, ["proposed", "revocation_proposed"], (0, b""), 20)
        if waiting:
            award = self.random.choice(waiting)
            says = (
                (Decision.GRANT, Decision.DECLINE) if award.standing == "proposed" else (Decision.REVOKE, Decision.KEEP)
            )
            decision, by = self.random.choice(says), Decider("p-1", "principal", "seen")
            self.do(
                f"decide {decision} {award.id}",
                lambda: parts.awards.decide(TENANT, award.id, decision, by),
                "credentials",
            )

    def ask(self) -> None:
        if not self.learners:
            return
        process = self.world.running["mastery"]
        learner = self.learners[self.random.choice(sorted(self.learners))]
        known_at = self.world.time.at - timedelta(seconds=self.random.choice((0, 1, 60, 3600, 90_000)))
        as_of = self.world.time.at + timedelta(hours=self.random.randint(-200, 30))
        question = Question(tenant=TENANT, learner=learner, as_of=as_of, known_at=known_at)
        self.note(f"ask {learner} {as_of} {known_at}")
        try:
            answer = process.parts.standings(question)
        except LearnerUnknown:
            return
        self.note(answer.finality)
        if answer.finality == "final":
            self.finals.append((question, answer))
