"""Learner records in the memory of their one writer: bounded, and forgotten whenever a commit may have failed."""

from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

from services.mastery.domain.learner_record import LearnerRecord


@dataclass(slots=True)
class Held:
    """A learner's record with whose it is and the last control_seq it has adopted; `known` once it has a row."""

    tenant: str
    record: LearnerRecord
    adopted_seq: int = 0
    known: bool = False


class RecordCache:
    """The least recently used goes first."""

    def __init__(self, records_max: int) -> None:
        self._records_max = records_max
        self._held: OrderedDict[UUID, Held] = OrderedDict()

    def get(self, learner: UUID) -> Held | None:
        """The record, now the most recently used."""
        held = self._held.get(learner)
        if held is not None:
            self._held.move_to_end(learner)
        return held

    def put(self, learner: UUID, held: Held) -> None:
        """Keep a record."""
        self._held[learner] = held
        if len(self._held) > self._records_max:
            self._held.popitem(last=False)

    def forget(self, learner: UUID) -> None:
        """What is not here is read from the store again."""
        self._held.pop(learner, None)
