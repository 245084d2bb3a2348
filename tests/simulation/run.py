"""One run: a seed decides who sends what when, which service steps, what fails; then everything comes to rest."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from collections.abc import Callable

from services.ingest.storage.redrive import Chosen
from services.runtime.log.memory import Faults
from tests.simulation import school
from tests.simulation.checker import check
from tests.simulation.mishaps import Mishaps
from tests.simulation.ports import Clock
from tests.simulation.promises import must
from tests.simulation.registrars import ALL_OF_IT
from tests.simulation.replaying import credentials_that_differ, replay
from tests.simulation.school import TENANT
from tests.simulation.services import NAMES


class NeverAtRest(AssertionError):
    """Without any more faults, the services still did not finish what they had."""


class Run(Mishaps):
    """Everything that happens for one seed."""

    def act(self) -> None:
        """One action, drawn."""
        roll = self.random.random()
        for chance, action in self._actions:
            if roll < chance:
                action()
                return
            roll -= chance

    def _rounds(self) -> None:
        self.often = self.random.choice((0, 0, 1, 2))  # how much registrars have to put right
        self._actions: list[tuple[float, Callable[[], None]]] = [
            (0.10, self.send_letter),
            (0.07, self.send_lines),
            (0.06, self.send_statements),
            (0.02, self.send_package),
            (0.03, self.redrive),
            (0.015, self.spoil_mapping),
            (0.015, self.mend_mapping),
            (self.often * 0.02, self.merge),
            (self.often * 0.01, self.unmerge),
            (self.often * 0.02, self.correct),
            (0.04, self.register),
            (0.02, self.link),
            (0.03, self.activate),
            (0.03, self.define),
            (0.04, self.decide),
            (0.05, self.ask),
            (0.05, self.pass_time),
            (0.02, self.kill),
            (0.03, self.wake_zombie),
            (0.15, self.flow),
            (0.02, self.trim),
            (0.02, self.recreate),
            (1.0, self.step),
        ]
        for begin, times in ((self.define, 3), (self.activate, 2), (self.register, 3)):
            for _ in range(times if self.random.random() < 0.5 else 0):
                begin()
        for _ in range(self.random.randint(40, 120)):
            self.act()

    def flow(self) -> None:
        """Every service has a turn, in the order in which evidence comes by."""
        for name in NAMES:
            for what in self.world.running[name].steps():
                self.do(f"step {name} {what}", lambda n=name, w=what: self.world.running[n].steps()[w](), name)  # type: ignore[misc]

    def step(self) -> None:
        name = self.random.choice(NAMES)
        steps = self.world.running[name].steps()
        what = self.random.choice(list(steps))
        self.do(f"step {name} {what}", steps[what], name)

    # ---- rest

    def rest(self) -> None:
        """No more faults; every sender sends again what was not answered, and everybody is known at last."""
        self.world.trouble.quiet()
        self.world.log.faults = Faults()
        for zombie in self.zombies:
            zombie.database.drop()
        for name in NAMES:
            self.restart(name)
        for student in self.random.sample(self.students, len(self.students)):
            self._register(student)
        self.settle()
        for source in sorted(self.spoilt):
            self._put_mapping(source, school.SOURCES[source])
        for letter in self.letters:
            self.submit(letter, self._letter_work(letter))
        for package in self.packages:
            self.submit(package, self._package_work(package))
        for source, statements in self.statements.items():
            for statement in statements:
                self._send_statements(source, (statement,))
        self.settle()
        for alias in self.random.sample(list(self.aliases), len(self.aliases)):
            if alias not in self.identity.means:
                self._link(alias)
        for source in school.STREAMS:
            if self.lines[source]:
                self._send_lines(source, self.oracle.next_line[source], len(self.lines[source]))
        sent = {message.id for message in (*self.letters, *self.packages)}
        must(sent <= self.oracle.messages.keys(), "what is sent again until it is answered is taken", sent)
        self._redrive(Chosen(TENANT), ALL_OF_IT)
        self.settle()

    def settle(self) -> None:
        """Until nothing is left to do."""
        for _ in range(300):
            for name in NAMES:
                for step in self.world.running[name].steps().values():
                    step()
            wrong = {name: self.world.running[name].wrong() for name in NAMES}
            if not any(wrong.values()) and not any(self.world.running[name].pending() for name in NAMES):
                return
        raise NeverAtRest(f"{wrong}")

    def play(self) -> None:
        self._rounds()
        self.rest()

    def verify(self) -> None:
        """Every promise, on what is there now that all is at rest; raises what was broken."""
        defined = set(school.ACHIEVEMENTS) - set(self.to_define)
        now = Clock(self.world.time, "mastery").now()
        self.records = check(self.folder, self.oracle, self._who(), defined, self.defined_first, now)
        self._check_replay()
        self._check_finals()
        self._count()

    def _who(self) -> dict[str, str]:
        """Whom each name means in the end."""
        return {name: str(learner) for name, learner in self.identity.means.items()}

    def _check_replay(self) -> None:
        """Fresh objects on the same files, from the first event, decide what was recorded and stand where it stands."""
        replayed = replay(self.folder, self.world.keys)
        must(not replayed.differences, "deciding again makes what was recorded", replayed.differences)
        live = {
            (name, *node): stands
            for name, learner in self.records.learners.items()
            for node, stands in learner.stands.items()
        }
        must(replayed.standings == live, "replay stands where live state does", replayed.standings, live)

        parts = self.world.running["credentials"].parts
        for learner in sorted(self.learners.values())[:2]:
            differing = credentials_that_differ(parts, TENANT, learner, 1)
            must(not differing, "a credential's bytes follow from its events", differing)

    def _check_finals(self) -> None:
        """A final answer is the same for ever, from whichever process."""
        standings = self.world.running["mastery"].parts.standings
        for question, answer in self.finals:
            again = standings(question)
            now = dataclasses.replace(again, known_to=answer.known_to)
            must(now == answer, "a final answer never changes", question, answer, again)

    def _count(self) -> None:
        """What was put to the test, and, in the trace, where it ended."""
        self.counts["final answers asked again"] += len(self.finals)
        for name, learner in sorted(self.records.learners.items()):
            for threshold in learner.thresholds:
                self.counts[f"{threshold.kind} by {threshold.cause}"] += 1
            self.trace.append(f"{name}: {[threshold.id for threshold in learner.thresholds]} {learner.everything}")

    def digest(self) -> str:
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()[:16]

    def close(self) -> None:
        for process in (*self.world.running.values(), *self.zombies):
            process.database.drop()
        shutil.rmtree(self.folder, ignore_errors=True)
