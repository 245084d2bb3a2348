"""Where a run takes place: the processes, who watches their commits, and one action at a time."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

from eventsourcing.persistence import PersistenceError

from services.ingest.use_cases.group_commit import NotDurable
from services.mastery.use_cases.answer import Question
from services.runtime.log.memory import Faults, MemoryLog
from services.runtime.problems import Refusal
from services.runtime.store.port import Fenced
from tests.simulation import school
from tests.simulation.clerk import Clerk
from tests.simulation.faults import Killed, Trouble, copied
from tests.simulation.hearing import hear_done, hear_sent
from tests.simulation.identity import Identity
from tests.simulation.oracle import Oracle
from tests.simulation.ports import Ids
from tests.simulation.promises import must
from tests.simulation.services import NAMES, PARTITIONS, Process, World
from tests.simulation.template import scratch, template

REFUSED = (PersistenceError,)


@dataclass
class Attempt:
    """Work handed to ingest: what was sent, and what the sender hears."""

    what: Any
    work: Any
    answer: Future[Any]


@dataclass
class Stage:
    """The world, its processes and its story; those who act on it come after."""

    seed: int
    trace: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        made = template()
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
        self.oracle, self.identity, self.streams = Oracle(), Identity(), made.streams
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
        self.clerk = author = Clerk(random, [*self.students, *self.aliases, *self.strangers], self.world.time.at)
        self.letters = author.letters(random.randint(3, 12))
        self.unsent = list(self.letters)
        self.lines = {source: author.lines(source, random.randint(0, 6)) for source in school.STREAMS}
        self.statements = {source: author.statements(source, random.randint(0, 5)) for source in school.LENIENT}
        self.packages = author.packages(random.randint(0, 2))
        self.learners: dict[str, UUID] = {}  # the id each student was first registered under
        self.spoilt: set[str] = set()
        self.versions = 1  # of mappings
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
            commits.do = functools.partial(self._through, commits)

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
                    must(isinstance(refusal, Refusal | None), "work fails by being refused", refusal)

        return watched

    def _hear(self, waiting: Any, now: Any) -> None:
        attempt = self.attempts.get(id(waiting.work))
        if attempt is not None:
            hear_sent(self.oracle, attempt.what, now)
        hear_done(self.identity, waiting.work, waiting.result, self.learners.setdefault)

    def _through(self, commits: Any, work: Any) -> Any:
        """What waits for its commit has it made: in one thread nobody else would."""
        answer = commits.submit(work)
        while not answer.done():
            commits.step(0)
        return answer.result()

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
        except (*REFUSED, NotDurable):
            self.note("refused by the disk")
        except Refusal as refusal:
            self.note(f"refused: {type(refusal).__name__}")
        else:
            return True
        return False

    def note(self, what: str) -> None:
        self.trace.append(what)
        self.counts[what.partition(":")[0].split(" ")[0]] += 1

    def submit(self, what: Any, work: Any) -> Attempt:
        attempt = self.attempts[id(work)] = Attempt(what, work, self.ingest.parts.commits.submit(work))
        return attempt

    @property
    def ingest(self) -> Process:
        return self.world.running["ingest"]
