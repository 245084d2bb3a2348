"""The evidence one process writes: of learners whose records lie in one partition, sealed as ingest seals it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from random import Random
from uuid import UUID, uuid4

from contracts.envelope import PublicEvent, log_key
from contracts.evidence_v1 import EvidenceAcceptedV1
from contracts.learners_v1 import LearnerRegisteredV1
from services.runtime.log.partition import partition_of
from services.runtime.sealing import Sealer
from services.runtime.stored_keys import SqliteKeyStore
from tests.bench.judging import CODES, FIRST_DAY, PERIOD
from tests.bench.naive import Item
from tests.mastery.world import PARTITIONS, TENANT, content

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SCORES = tuple(map(Decimal, (1, 2, 2, 3, 3, 3, 4)))
Sealed = tuple[str, bytes]  # the key and the value of a record


@dataclass(frozen=True)
class Shape:
    """So many learners who take turns, so many pieces of each, written so many at a time."""

    partition: int
    learners: int
    each: int
    batch: int
    seed: str

    @property
    def pieces(self) -> int:
        return self.learners * self.each

    def people(self) -> list[UUID]:
        """Learners of this partition."""
        chance = Random(self.seed)
        drawn = (UUID(int=chance.getrandbits(128), version=4) for _ in iter(int, 1))
        return list(islice(filter(self._is_ours, drawn), self.learners))

    def items(self) -> Iterator[Item]:
        """Everybody's first piece, then everybody's second."""
        chance, people = Random(self.seed), self.people()
        for _ in range(self.each):
            for learner in people:
                yield Item(learner, uuid4(), chance.choice(CODES), chance.choice(SCORES))

    def _is_ours(self, learner: UUID) -> bool:
        return partition_of(log_key(TENANT, str(learner)), PARTITIONS) == self.partition


class Ingest:
    """Keys for everybody, and records as the relay brings them to the log."""

    def __init__(self, folder: Path) -> None:
        self.keys = SqliteKeyStore(folder / "keys", seed="tests")
        self._sealer = Sealer(self.keys, "/ingest")

    def registered(self, people: Sequence[UUID]) -> list[Sealed]:
        """Keys made, and each learner registered."""
        self.keys.create_learner_keys(TENANT, people)
        return [self.sealed(learner, uuid4(), LearnerRegisteredV1(registered_by="roster")) for learner in people]

    def accepted(self, items: Sequence[Item]) -> list[Sealed]:
        """Each piece of evidence, over a year."""
        step = PERIOD / len(items)
        return [self.evidence(item, FIRST_DAY + n * step) for n, item in enumerate(items)]

    def evidence(self, item: Item, occurred_at: datetime) -> Sealed:
        event = EvidenceAcceptedV1(content=content(item.competency, str(item.score)))
        return self.sealed(item.learner, item.evidence, event, occurred_at)

    def sealed(self, learner: UUID, id_: UUID, event: PublicEvent, occurred_at: datetime | None = None) -> Sealed:
        subject = str(learner)
        value = self._sealer.seal(event, id=id_, tenant=TENANT, subject=subject, time=NOW, occurred_at=occurred_at)
        return log_key(TENANT, subject), value
