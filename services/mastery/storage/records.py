"""Learner records in the memory of their one writer: bounded, and forgotten whenever a commit may have failed."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.mastery.domain.learner_record import LearnerRecord
from services.runtime.metrics import Metric, counter


@dataclass(slots=True)
class Held:
    """A learner's record with whose it is and the last control_seq it has adopted; `known` once it has a row.

    `wakes_at` is when its timer was last set to by this writer; none does not mean that the store has none.
    """

    tenant: str
    record: LearnerRecord
    adopted_seq: int = 0
    known: bool = False
    wakes_at: datetime | None = field(default=None, compare=False)


@dataclass(slots=True)
class Looks:
    """How often a record was found in memory, and how often it had to be folded from the store; see `/metrics`."""

    memory: int = 0
    store: int = 0

    def measures(self) -> list[Metric]:
        """Where most come from the store, the learners at work do not fit into memory."""
        said = "Learner records looked for by the writers, by where they were found."
        return [counter("record_looks", said, ["found_in"], [(["memory"], self.memory), (["store"], self.store)])]


class RecordCache:
    """The least recently used go first, when there are too many of them or they hold too much evidence.

    They go only when told to, between transactions: a record that the transaction at hand has changed is nowhere else.
    """

    def __init__(self, records_max: int, evidence_max: int, looks: Looks | None = None) -> None:
        self._records_max, self._evidence_max = records_max, evidence_max
        self._looks = looks or Looks()
        self._held: OrderedDict[UUID, tuple[Held, int]] = OrderedDict()  # with its evidence, when it was last asked for
        self._evidence = 0
        self._ahead: set[UUID] = set()  # read before anybody looked for them

    def missing(self, learners: Iterable[UUID]) -> list[UUID]:
        """Those that are not here, each once; whoever asks this has looked for nobody."""
        return [learner for learner in dict.fromkeys(learners) if learner not in self._held]

    def get(self, learner: UUID) -> Held | None:
        """The record, now the most recently used."""
        found = self._held.get(learner)
        if found is None:
            self._looks.store += 1
            return None
        self._count(learner)
        held, counted = found
        evidence = len(held.record.shelving.pieces)
        if evidence != counted:
            self._held[learner] = held, evidence
            self._evidence += evidence - counted
        self._held.move_to_end(learner)
        return held

    def _count(self, learner: UUID) -> None:
        if learner in self._ahead:
            self._ahead.remove(learner)
            self._looks.store += 1
        else:
            self._looks.memory += 1

    def put_ahead(self, learner: UUID, held: Held) -> None:
        """Keep a record that was read for whoever looks for it next, and finds what came from the store."""
        self.put(learner, held)
        self._ahead.add(learner)

    def put(self, learner: UUID, held: Held) -> None:
        """Keep a record; what it has grown by is counted when it is next asked for."""
        self.forget(learner)
        evidence = len(held.record.shelving.pieces)
        self._held[learner] = held, evidence
        self._evidence += evidence

    def forget(self, learner: UUID) -> None:
        """What is not here is read from the store again."""
        _, evidence = self._held.pop(learner, (None, 0))
        self._evidence -= evidence
        self._ahead.discard(learner)

    def trim(self) -> None:
        """Forget until the limits hold."""
        while self._held and (len(self._held) > self._records_max or self._evidence > self._evidence_max):
            self.forget(next(iter(self._held)))
