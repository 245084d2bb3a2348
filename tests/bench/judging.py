"""Mastery in this process, on an embedded log that holds everything beforehand: its writer is stepped, no more."""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

from contracts.envelope import log_key
from contracts.events import INGEST_LEARNER
from contracts.evidence_v1 import EvidenceAcceptedV1
from services.runtime.log.embedded import EmbeddedLog
from services.runtime.log.port import Outgoing
from tests.bench.naive import Item
from tests.mastery import sample
from tests.mastery.world import TENANT, World, content, registered

CODES = sample.CODES[:8]
FIRST_DAY = datetime(2026, 1, 5, 12, tzinfo=UTC)
PERIOD = timedelta(days=290)
BATCH = 1000
POLICY = sample.document(
    {code: {"gate": {"count": 2, "at_least": "3"}} for code in CODES},
    {
        "core": {"all_of": [{"leaf": code} for code in CODES[:3]]},
        "most": {"k_of": 5, "from": [{"leaf": code} for code in CODES]},
    },
)


@dataclass(frozen=True)
class Shape:
    """A stream of evidence: learners who take turns, each with as many pieces."""

    learners: int
    each: int

    @property
    def pieces(self) -> int:
        return self.learners * self.each

    def items(self) -> Iterator[Item]:
        """Seeded: everybody's first piece, then everybody's second."""
        chance = random.Random(f"{self.learners}/{self.each}")
        people = [UUID(int=chance.getrandbits(128), version=4) for _ in range(self.learners)]
        for _ in range(self.each):
            for learner in people:
                score = Decimal(chance.choice((1, 2, 2, 3, 3, 3, 4)))
                yield Item(learner, uuid4(), chance.choice(CODES), score)


class EmbeddedWorld(World):
    """The tests' world on the embedded log."""

    def start(self, **said: object) -> None:
        self.log = EmbeddedLog(self.folder / "log", 4)  # type: ignore[assignment]
        super().start(**said)

    def fill(self, items: Sequence[Item]) -> None:
        """Everybody registered and judged by the policy; then their evidence on the log, not yet taken."""
        learners = list(dict.fromkeys(item.learner for item in items))
        self.keys.create_learner_keys(TENANT, learners)
        listed = self.put(POLICY, activate=False)
        self.activate(listed["policy"], listed["version"], effective_from="2026-01-01T00:00:00Z")
        self.send(*(registered(learner) for learner in learners))
        self.settle()
        writer, step = self.log.writer(INGEST_LEARNER, "ingest"), PERIOD / len(items)
        for first in range(0, len(items), BATCH):
            some = items[first : first + BATCH]
            writer.append([self._sealed(item, FIRST_DAY + n * step) for n, item in enumerate(some, first)])

    def take(self) -> float:
        """Seconds until all of it is decided on disk."""
        started = time.perf_counter()
        while self.worker.step(0.0):
            pass
        return time.perf_counter() - started

    def _sealed(self, item: Item, occurred_at: datetime) -> Outgoing:
        subject = str(item.learner)
        event = EvidenceAcceptedV1(content=content(item.competency, str(item.score)))
        value = self.ingest.seal(
            event, id=item.evidence, tenant=TENANT, subject=subject, time=self.clock.now(), occurred_at=occurred_at
        )
        return self.outgoing(log_key(TENANT, subject), value)


def evidence_of(world: World) -> int:
    """How many pieces of evidence are in the store."""
    return int(world.rows("SELECT count(*) FROM event WHERE topic = 'mastery.evidence-recorded.v1'")[0])


def world_in(folder: Path) -> EmbeddedWorld:
    """A fresh one, late enough for all the evidence."""
    return EmbeddedWorld(folder, at="2026-11-01")
