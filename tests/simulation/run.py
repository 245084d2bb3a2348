"""One run: a seed decides who sends what when, which service steps, what fails; then everything comes to rest."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import os
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from eventsourcing.persistence import PersistenceError

from contracts.events import INGEST_LEARNER, MASTERY_CATALOGUE, MASTERY_LEARNER
from services.credentials.domain.award import Author as Decider
from services.credentials.domain.award import Decision
from services.ingest.domain.claims import Identifier
from services.ingest.domain.roster import RosterEnrolment, RosterEntry
from services.ingest.use_cases.group_commit import NotDurable
from services.ingest.use_cases.link import LinkIdentifier
from services.ingest.use_cases.observe import Observed, submission_of
from services.ingest.use_cases.read import Read
from services.ingest.use_cases.roster import ImportRoster
from services.ingest.use_cases.stream import OpenStream, TakeLines
from services.ingest.use_cases.take import TakeSubmission
from services.mastery.use_cases.answer import LearnerUnknown, Question
from services.runtime.log.memory import Faults, MemoryLog
from services.runtime.store.port import Fenced
from tests.simulation import school
from tests.simulation.checker import check, must
from tests.simulation.faults import Killed, Trouble, copied
from tests.simulation.oracle import Oracle
from tests.simulation.ports import Ids, Time
from tests.simulation.replaying import credentials_that_differ, replay
from tests.simulation.said import Author, Letter, line_of
from tests.simulation.school import TENANT
from tests.simulation.services import NAMES, PARTITIONS, Process, World

MEMORY = Path("/dev/shm")
SCHEME = "student"
FOLLOWS = {"ingest": MASTERY_CATALOGUE, "mastery": INGEST_LEARNER, "credentials": MASTERY_LEARNER}
REFUSED = (sqlite3.OperationalError, PersistenceError)


class NeverAtRest(AssertionError):
    """Without any more faults, the services still did not finish what they had."""


@dataclass
class Template:
    """The world as every run finds it: documents put, sources known, streams open, nobody registered."""

    folder: Path
    log: dict[str, Any]
    made: set[Any]
    streams: dict[str, UUID]
    time: Time


@lru_cache(maxsize=1)
def template(process: int) -> Template:
    """Made once a process."""
    folder = scratch(f"template-{process}")
    world = World(folder, MemoryLog(PARTITIONS, wait=lambda _: None), Trouble(Random(0)))
    for name in NAMES:
        world.start(name)
    mastery, ingest = world.running["mastery"], world.running["ingest"]
    school.put_documents(mastery.parts.set_policy, mastery.parts.put)
    school.add_sources(ingest.parts.sources)
    opened = {s: ingest.parts.commits.submit(OpenStream(TENANT, f"{TENANT}.{s}")) for s in school.STREAMS}
    for _ in range(3):
        for name in NAMES:
            for step in world.running[name].steps().values():
                step()
    for name in NAMES:
        world.kill(name)
    streams = {source: future.result() for source, future in opened.items()}
    return Template(folder, world.log._topics, world.keys.made, streams, world.time)


def scratch(name: str) -> Path:
    """A folder that needs no disk, where there is one."""
    return Path(tempfile.mkdtemp(prefix=f"wayproof-{name}-", dir=MEMORY if MEMORY.is_dir() else None))


@dataclass
class Attempt:
    """Work handed to ingest: what was sent, and what the sender hears."""

    what: Any
    answer: Future[Any]


@dataclass
class Run:
    """Everything that happens for one seed."""

    seed: int
    trace: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        logging.disable(logging.CRITICAL)
        made = template(os.getpid())
        self.random = random = Random(self.seed)
        self.folder = scratch(str(self.seed))
        copied([made.folder / name / f"{name}.db" for name in NAMES], self.folder)
        faults = Faults(
            repeat=random.choice((0.0, 0.1, 0.4)),
            delay=random.choice((0.0, 0.2, 0.5)),
            lost_reply=random.choice((0.0, 0.1, 0.3)),
            refused_append=random.choice((0.0, 0.1, 0.3)),
            gap_max=random.choice((1, 3)),
        )
        log = MemoryLog(PARTITIONS, seed=self.seed, faults=faults, wait=lambda _: None)
        log._topics = deepcopy(made.log)
        trouble = Trouble(Random(self.seed + 1), random.choice((0.0, 0.02, 0.08)), random.choice((0.0, 0.02, 0.08)))
        self.world = World(self.folder, log, trouble, time=deepcopy(made.time), ids=Ids(f"run {self.seed}"))
        self.world.keys.made = set(made.made)
        self.world.time.step(3600)
        self.oracle, self.streams = Oracle(), made.streams
        self.attempts: dict[int, Attempt] = {}
        self.zombies: list[Process] = []
        self.finals: list[tuple[Question, Any]] = []
        self.defined_first: set[str] = set()
        self._write_story()
        for name in NAMES:
            self.start(name)

    def _write_story(self) -> None:
        random = self.random
        self.students = [f"s{n}" for n in range(1, random.randint(2, 4) + 1)]
        self.aliases = {f"{s}x": s for s in self.students if random.random() < 0.4}
        self.strangers = ["nobody"] if random.random() < 0.2 else []
        author = Author(random, [*self.students, *self.aliases, *self.strangers], self.world.time.at)
        self.letters = author.letters(random.randint(3, 12))
        self.unsent = list(self.letters)
        self.lines = {source: author.lines(source, random.randint(0, 6)) for source in school.STREAMS}
        self.replies: dict[str, Any] = {}
        self.learners: dict[str, UUID] = {}
        self.linked: set[str] = set()
        self.to_activate = random.sample(list(school.POLICIES), len(school.POLICIES))
        self.to_define = random.sample(list(school.ACHIEVEMENTS), len(school.ACHIEVEMENTS))

    # ---- processes

    def start(self, name: str) -> None:
        self.world.batch_size_max = self.random.randint(1, 5)
        process = self.world.start(name)
        if name == "ingest":
            self.attempts.clear()
            commits = process.parts.commits
            commits.commit = self._watched(process, commits.commit)

    def restart(self, name: str, *, keep: bool = False) -> None:
        self.note(f"restart {name}")
        dead = self.world.kill(name, keep=keep)
        if keep:
            self.zombies.append(dead)
        self.start(name)

    def _watched(self, process: Process, commit: Callable[[Any], None]) -> Callable[[Any], None]:
        """The oracle hears of a group when, and only when, its transaction was written."""

        def watched(gathered: Any) -> None:
            before, now = process.database.commits, process.parts.clock.now()
            try:
                commit(gathered)
            finally:
                self.counts["groups"] += 1
                written = process.database.commits > before
                for waiting in gathered:
                    told = waiting.answer.done()
                    refusal = waiting.answer.exception() if told else None
                    if written and isinstance(refusal, NotDurable | None):
                        self._hear(waiting, now)
                    must(written or refusal or not told, "nobody is told before it is durable")

        return watched

    def _hear(self, waiting: Any, now: Any) -> None:
        match self.attempts[id(waiting.work)].what:
            case Letter() as letter:
                self.oracle.letter(letter, now)
            case (str() as source, int() as first, list() as lines):
                self.oracle.lines(source, first, lines, now)

    # ---- what is done

    def do(self, what: str, action: Callable[[], object], name: str | None = None) -> bool:
        """One action, and whether it was seen through; the process it kills is started anew."""
        self.note(what)
        try:
            action()
        except Killed as killed:
            self.note(f"{name or 'ingest'}: {killed}")
            self.restart(name or "ingest")
        except Fenced:
            self.note(f"{name}: fenced by one that was taken for dead")
            self.restart(name or "ingest")
        except REFUSED:
            self.note("refused by the disk")
        else:
            return True
        return False

    def note(self, what: str) -> None:
        self.trace.append(what)
        self.counts[what.partition(":")[0].split(" ")[0]] += 1

    def act(self) -> None:
        """One action, drawn."""
        roll = self.random.random()
        for chance, action in self._actions:
            if roll < chance:
                action()
                return
            roll -= chance

    def _rounds(self) -> None:
        self._actions: list[tuple[float, Callable[[], None]]] = [
            (0.12, self.send_letter),
            (0.09, self.send_lines),
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
            (0.31, self.step),
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

    def submit(self, what: Any, work: Any) -> Attempt:
        attempt = self.attempts[id(work)] = Attempt(what, self.ingest.parts.commits.submit(work))
        attempt.work = work  # type: ignore[attr-defined]
        return attempt

    @property
    def ingest(self) -> Process:
        return self.world.running["ingest"]

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
        attempt = self.submit(student, ImportRoster(parts.linking(TENANT), [entry], "office"))

        def told(answer: Future[Any]) -> None:
            if answer.exception() is None:
                self.learners[student] = answer.result().learners[0]

        attempt.answer.add_done_callback(told)
        return attempt

    def link(self) -> None:
        ready = [alias for alias, student in self.aliases.items() if student in self.learners]
        if ready:
            alias = self.random.choice(ready)
            self.do(f"link {alias}", lambda: self._link(alias))

    def _link(self, alias: str) -> Attempt:
        learner, linking = self.learners[self.aliases[alias]], self.ingest.parts.linking(TENANT)
        return self.submit(alias, LinkIdentifier(linking, learner, Identifier(SCHEME, alias), "registrar"))

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

    def pass_time(self) -> None:
        seconds = self.random.choice((0.000001, 1, 40, 3600, 20_000, 80_000))
        self.note(f"time {seconds}")
        self.world.time.step(seconds)
        if self.random.random() < 0.3:
            name = self.random.choice(NAMES)
            self.world.time.off[name] = timedelta(
                seconds=self.random.choice((3600, 93_600)) * self.random.uniform(-1, 1)
            )
            self.note(f"skew {name} {self.world.time.off[name]}")

    def kill(self) -> None:
        name = self.random.choice(NAMES)
        self.restart(name, keep=self.random.random() < 0.5 and name != "ingest")

    def trim(self) -> None:
        """The log forgets what has been consumed: nothing may depend on it any more."""
        for name, topic in FOLLOWS.items():
            with self.world.running[name].database.read() as cursor:
                reached = cursor.execute("SELECT part, next_offset FROM position WHERE topic = ?", (topic,)).fetchall()
            self.world.log.delete_before(topic, dict(reached))
            self.note(f"trim {topic} {reached}")

    def wake_zombie(self) -> None:
        """A process somebody took for dead goes on: it must be fenced, or do nothing that shows."""
        if not self.zombies:
            return
        zombie = self.random.choice(self.zombies)
        steps = zombie.steps()
        what = self.random.choice(list(steps))
        self.note(f"zombie {zombie.name} {what}")
        try:
            steps[what]()
        except (Fenced, Killed, *REFUSED) as end:
            self.note(f"ended {type(end).__name__}")
            self.zombies.remove(zombie)
            zombie.database.drop()

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
        for letter in self.letters:
            self.submit(letter, self._letter_work(letter))
        self.settle()
        for alias in self.random.sample(list(self.aliases), len(self.aliases)):
            self._link(alias)
        for source in school.STREAMS:
            if self.lines[source]:
                self._send_lines(source, self.oracle.next_line[source], len(self.lines[source]))
        self.settle()

    def settle(self) -> None:
        """Until nothing is left to do."""
        for _ in range(300):
            for name in NAMES:
                for step in self.world.running[name].steps().values():
                    step()
            if not any(self.world.running[name].pending() for name in NAMES):
                return
        wrong = {name: self.world.running[name].wrong() for name in NAMES}
        raise NeverAtRest(f"{wrong}")

    def play(self) -> None:
        self._rounds()
        self.rest()

    def verify(self) -> None:
        """Every promise, on what is there now that all is at rest; raises what was broken."""
        self.records = check(
            self.folder, self.oracle, self._who(), set(school.ACHIEVEMENTS) - set(self.to_define), self.defined_first
        )
        self._check_replay()
        self._check_finals()
        self._count()

    def _who(self) -> dict[str, str]:
        """Whom each name means in the end."""
        aliases = {alias: self.learners[student] for alias, student in self.aliases.items()}
        return {name: str(learner) for name, learner in (self.learners | aliases).items()}

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
