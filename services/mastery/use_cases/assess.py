"""The one writer of a partition: takes in what ingest says, evaluates it, and stores both with the log position."""

from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from contracts.events import INGEST_LEARNER
from contracts.learners_v1 import LearnerErasedV1, LearnerRegisteredV1
from services.mastery.storage.controls import Controls
from services.mastery.storage.drafts import Draft
from services.mastery.storage.learners import Learners, React
from services.mastery.storage.received import Opening, Received
from services.mastery.storage.records import Held
from services.mastery.use_cases.applied import Applied
from services.mastery.use_cases.recording import Recording
from services.mastery.use_cases.tending import Tending
from services.mastery.use_cases.timers import Timers
from services.mastery.use_cases.writing import Writing
from services.runtime.clock import MICROSECOND, Clock
from services.runtime.keys import KeyDestroyed, KeyUnknown
from services.runtime.log.port import LogRecord
from services.runtime.sealing import Unreadable, learner_of
from services.runtime.store.dead_letter import NOT_THE_RECORDS_FAULT, DeadLetter
from services.runtime.store.port import Batch, PartitionStore, Position, Verbatim
from services.runtime.telemetry import get_logger

log = get_logger(__name__)


class Unfit(Exception):
    """This record can never be evaluated; `reason` says why and quotes nothing."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class FoldFailed(Exception):
    """Evaluating a record failed half-way: what is in memory of its learner can no longer be used."""

    def __init__(self, seq: int) -> None:
        super().__init__(f"record {seq}")
        self.seq = seq


class PartitionWriter:
    """Everything that is written in one partition is written here, one transaction at a time."""

    def __init__(
        self,
        store: PartitionStore,
        recording: Recording,
        *,
        learners: Learners,
        controls: Controls,
        opening: Opening,
        react: React,
        clock: Clock,
        sweep_learners_max: int = 200,
    ) -> None:
        self.store = store
        self._recording, self._learners = recording, learners
        self._opening, self._react, self._clock = opening, react, clock
        timers = Timers(store, clock, sweep_learners_max)
        self._writing = Writing(store, recording, opening, Applied(controls, store.partition), timers, clock)
        self._tending = Tending(self._writing, learners, sweep_learners_max)

    def take(self, records: Sequence[LogRecord], position: Position) -> None:
        """One batch of the log: facts, thresholds, public events and the position, in one commit."""
        failed: set[int] = set()
        while True:
            try:
                self._try_take(records, position, failed)
                return
            except FoldFailed as fault:
                failed.add(fault.seq)

    def tend(self, last_seq: int) -> int:
        """Some of what time has brought about, and of the sweep up to the latest control_seq; how many learners."""
        return self._tending.fire() + self._tending.sweep(last_seq)

    def pending(self) -> int:
        """1 while an activation has yet to reach some learner, or an instant that has come, else 0."""
        return self._tending.pending()

    def rest(self) -> None:
        """Nothing came for a while: answers up to the instant before now are final."""
        known_to = self._clock.now() - MICROSECOND
        if known_to > self.store.known_to():
            self.store.commit(Batch(known_to=known_to))

    def _try_take(self, records: Sequence[LogRecord], position: Position, failed: set[int]) -> None:
        with self._writing.transaction() as draft:
            draft.batch.positions[INGEST_LEARNER] = position
            self._writing.read_ahead(_named(records), draft)
            opened = [self._opened(record, record.seq in failed) for record in records]
            for record, said in zip(records, opened, strict=True):
                self._take_one(record, said, draft)

    def _opened(self, record: LogRecord, failed: bool) -> Received | Exception:
        """What the record says, or what is the matter with it.

        A whole batch is opened before any of it is decided on: each piece of work finds its own code and tables in the
        processor's caches.
        """
        try:
            return Unfit("evaluation-failed") if failed else self._opening.checked(record.value, record.key)
        except (Unreadable, KeyUnknown, KeyDestroyed) as fault:
            return fault

    def _take_one(self, record: LogRecord, received: Received | Exception, draft: Draft) -> None:
        try:
            if isinstance(received, Exception):
                raise received
            if received.type == LearnerErasedV1.TYPE:
                self._erase(received, record, draft)
                return
            held = self._recording.held(received.learner, received.tenant, draft)
            _check(received, held)
        except (Unreadable, Unfit) as fault:
            self._set_aside(record, fault.reason, draft)
        except KeyUnknown as fault:
            self._set_aside(record, fault.slug(), draft)
        except KeyDestroyed:  # erased while it was on its way: nothing of it is left to read
            log.info("passed over, erased", partition=record.partition, seq=record.seq)
        else:
            self._record(record, received, held, draft)

    def _erase(self, received: Received, record: LogRecord, draft: Draft) -> None:
        row = self._learners.row(received.learner)
        if row is not None and row.tenant != received.tenant:
            raise Unfit("learner-of-another-tenant")
        self._recording.erase(received, record.value, draft)

    def _record(self, record: LogRecord, received: Received, held: Held, draft: Draft) -> None:
        try:
            is_new = received.type == LearnerRegisteredV1.TYPE
            if not is_new:
                self._writing.catch_up(held, draft)
            for command in self._react(received, draft.stamp()):
                self._recording.record(command, held, draft, _verbatim(command, record))
            if is_new:
                self._writing.catch_up(held, draft)
        except (KeyDestroyed, *NOT_THE_RECORDS_FAULT):  # the key went a moment ago: the batch is read again
            raise
        except Exception as fault:
            log.fault("evaluation failed, the record is set aside", fault, partition=record.partition, seq=record.seq)
            raise FoldFailed(record.seq) from fault

    def _set_aside(self, record: LogRecord, reason: str, draft: Draft) -> None:
        log.error("record set aside", partition=record.partition, seq=record.seq, reason=reason)
        draft.batch.rows.append(DeadLetter(INGEST_LEARNER, record, reason).row())


def _named(records: Sequence[LogRecord]) -> list[tuple[str, UUID]]:
    """Tenants and learners by the records' keys; a key that names nobody is found out when its record is read."""
    named = []
    for key in dict.fromkeys(record.key for record in records):
        tenant, _, subject = key.rpartition("/")
        with suppress(ValueError):
            named.append((tenant, learner_of(subject)))
    return named


def _check(received: Received, held: Held) -> None:
    if held.tenant != received.tenant:
        raise Unfit("learner-of-another-tenant")
    named = received.content.get("revises") or received.content.get("retracts")
    if named is not None and UUID(named) not in held.record.shelving.pieces:
        raise Unfit("names-unknown-evidence")


def _verbatim(command: object, record: LogRecord) -> Verbatim:
    return Verbatim(command.fact.TOPIC, record.value)  # type: ignore[attr-defined]
