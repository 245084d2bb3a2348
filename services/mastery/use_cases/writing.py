"""One transaction at a time in one partition: everything in it is committed, or forgotten in memory as well."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from services.mastery.storage.drafts import Draft
from services.mastery.storage.received import Opening
from services.mastery.storage.records import Held
from services.mastery.use_cases.applied import Applied
from services.mastery.use_cases.recording import Recording
from services.mastery.use_cases.timers import Timers
from services.runtime.clock import Clock
from services.runtime.store.port import PartitionStore


class Writing:
    """What the writers of a partition share: its store, its learners in memory, and how far they are known to it."""

    def __init__(
        self,
        store: PartitionStore,
        recording: Recording,
        opening: Opening,
        applied: Applied,
        timers: Timers,
        clock: Clock,
    ) -> None:
        self.store, self.recording, self.opening = store, recording, opening
        self.applied, self.timers, self._clock = applied, timers, clock
        self.swept_seq = -1  # the control_seq at which a sweep found nobody behind; -1 until one has looked

    @contextmanager
    def transaction(self) -> Iterator[Draft]:
        """A draft that begins with the activations there are; whatever fails, memory is read again from the store."""
        draft = Draft(self.store, self._clock)
        try:
            self.applied.take_in(draft)
            yield draft
            self._commit(draft)
        except BaseException:
            self._forget(draft)
            raise

    def read_ahead(self, named: Sequence[tuple[str, UUID]], draft: Draft) -> None:
        """With nothing in memory, as after a start, each would cost ten questions, and the log waits for them."""
        self.opening.prepare(named)
        self.recording.read_ahead((learner for _, learner in named), draft)

    def catch_up(self, held: Held, draft: Draft) -> None:
        """The learner adopts what was activated since it last did."""
        self.recording.catch_up(held, self.applied.of(held.tenant), self.applied.seq, draft)

    def _commit(self, draft: Draft) -> None:
        if not draft.is_empty:
            batch = draft.finish()
            self.store.commit(batch)
            self.recording.committed()
            self.timers.committed(batch)

    def _forget(self, draft: Draft) -> None:
        self.recording.forget(draft)
        self.applied.forget()
        self.timers.forget()
        self.swept_seq = -1
