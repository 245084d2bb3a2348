"""What is done in a partition though its log says nothing: sweeps after activations, and what time brings about."""

from collections.abc import Sequence
from uuid import UUID

from services.mastery.storage.drafts import Draft
from services.mastery.storage.learners import LearnerRow, Learners
from services.mastery.use_cases.writing import Writing
from services.runtime.keys import KeyDestroyed
from services.runtime.store.dead_letter import NOT_THE_RECORDS_FAULT
from services.runtime.store.port import Timer
from services.runtime.telemetry import get_logger

log = get_logger(__name__)


class WakeFailed(Exception):
    """Evaluating what time brings about for a learner failed."""

    def __init__(self, learner: UUID) -> None:
        super().__init__("a timer")
        self.learner = learner


class Tending:
    """Some learners at a time, so that the log never waits for long."""

    def __init__(self, writing: Writing, learners: Learners, learners_max: int) -> None:
        self._writing, self._learners, self._learners_max = writing, learners, learners_max

    def sweep(self, last_seq: int) -> int:
        """Take in activations up to the latest control_seq and let some learners adopt them; how many did."""
        writing = self._writing
        if last_seq == writing.applied.seq == writing.swept_seq:
            return 0
        with writing.transaction() as draft:
            behind = self._learners.unswept(writing.store.partition, writing.applied.seq, self._learners_max)
            writing.read_ahead([(row.tenant, row.learner) for row in behind], draft)
            for row in behind:
                self._sweep(row, draft)
        if not behind:
            writing.swept_seq = writing.applied.seq
        return len(behind)

    def fire(self) -> int:
        """Record what time alone has brought about for some of the learners whose timers are due; how many."""
        due, failed = self._writing.timers.due(), set[UUID]()
        while due:
            try:
                self._fire(due, failed)
                break
            except WakeFailed as fault:
                failed.add(fault.learner)
        return len(due)

    def pending(self) -> int:
        """1 while an activation has yet to reach some learner, or an instant that has come, else 0."""
        applied = self._writing.applied
        swept = applied.last_seq() == applied.seq == self._writing.swept_seq
        return int(not swept or self._writing.timers.pending() > 0)

    def _sweep(self, row: LearnerRow, draft: Draft) -> None:
        if self._writing.opening.can_open(row.tenant, row.learner):
            self._writing.catch_up(self._writing.recording.held(row.learner, row.tenant, draft), draft)
        else:  # erased: nobody is judged any more
            draft.adopted(row.learner, row.tenant, self._writing.applied.seq)

    def _fire(self, due: Sequence[Timer], failed: set[UUID]) -> None:
        with self._writing.transaction() as draft:
            self._writing.read_ahead([(timer.tenant, timer.stream) for timer in due], draft)
            for timer in due:
                if timer.stream in failed or not self._writing.opening.can_open(timer.tenant, timer.stream):
                    draft.wake(timer.stream, timer.tenant, None)  # its fault was logged, or it was erased
                else:
                    self._wake(timer, draft)
        self._writing.timers.forget()

    def _wake(self, timer: Timer, draft: Draft) -> None:
        held = self._writing.recording.held(timer.stream, timer.tenant, draft)
        try:
            self._writing.catch_up(held, draft)
            self._writing.recording.let_time_pass(held, draft)
        except (KeyDestroyed, *NOT_THE_RECORDS_FAULT):
            raise
        except Exception as fault:
            log.fault("evaluation failed, the timer is taken away", fault, partition=self._writing.store.partition)
            raise WakeFailed(timer.stream) from fault
