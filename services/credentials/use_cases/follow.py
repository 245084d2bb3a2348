"""Follow mastery's threshold events: each once, in order, its position stored with what was decided."""

from collections.abc import Set
from uuid import UUID

from contracts.events import MASTERY_LEARNER
from contracts.mastery_v1 import RecordErasedV1, RequirementLapsedV1, RequirementMetV1
from services.credentials.reactions import award_id_of, on_requirement_lapsed, on_requirement_met
from services.credentials.signing.errors import NotSignable
from services.credentials.storage import rows
from services.credentials.storage.partitions import Partitions
from services.credentials.storage.rows import Owner
from services.credentials.use_cases.ahead import (
    Said,
    Taken,
    Threshold,
    in_runs,
    look_ahead,
    requirement_of,
    said_by,
)
from services.credentials.use_cases.award import award
from services.credentials.use_cases.revoke import lapse, rule_for
from services.credentials.use_cases.transfer import Transfers, owner_of, recognises
from services.credentials.use_cases.work import Tools, Work
from services.runtime.clock import Clock
from services.runtime.keys import KeyDestroyed, KeyUnknown
from services.runtime.log.port import LogRecord
from services.runtime.sealing import Unreadable
from services.runtime.store.dead_letter import NOT_THE_RECORDS_FAULT, DeadLetter
from services.runtime.store.port import Position
from services.runtime.telemetry import get_logger

log = get_logger(__name__)


class FollowMastery:
    """The consumer's handler."""

    def __init__(self, tools: Tools, partitions: Partitions, clock: Clock, revocations_per_hour_max: int) -> None:
        self._tools = tools
        self._partitions = partitions
        self._clock = clock
        self._per_hour_max = revocations_per_hour_max
        self._transfers = Transfers(partitions)

    def handle(self, partition: int, records: list[LogRecord], position: Position) -> None:
        """Decide on a batch of records and store the position with the decisions."""
        self._partitions.again_while_others_do(lambda: self._handle(partition, records, position))

    def _handle(self, partition: int, records: list[LogRecord], position: Position) -> None:
        with self._partitions.writing(partition) as store, self._tools.snapshot() as snapshot:
            work = Work(self._tools, store, snapshot, self._clock.now())
            for run in in_runs(self._tools, records):
                look_ahead(work, run)
                for taken in run:
                    self._take(work, taken)
            work.batch.positions[MASTERY_LEARNER] = position
            work.commit()

    def _take(self, work: Work, taken: Taken) -> None:
        """One record; what cannot be read, decided or signed is set aside whole, what was erased is passed over."""
        record = taken.record
        try:
            said = taken.said or said_by(self._tools, record)
            if said is not None:
                self._follow(work, said, record.value)
        except KeyDestroyed:
            log.info("passed over, erased", partition=record.partition, seq=record.seq)
        except Unreadable as fault:
            _set_aside(work, record, fault.reason)
        except NotSignable as fault:
            _set_aside(work, record, fault.code)
        except KeyUnknown:
            _set_aside(work, record, "key-unknown")
        except NOT_THE_RECORDS_FAULT:
            raise
        except Exception as fault:  # a bug of ours: it costs this record, and not its partition
            log.fault("deciding failed, the record is set aside", fault, partition=record.partition, seq=record.seq)
            _set_aside(work, record, "decision-failed")

    def _follow(self, work: Work, said: Said, raw: bytes) -> None:
        if isinstance(said.event, RecordErasedV1):
            work.batch.rows.append(rows.learner_erased(said.owner, said.event.erased_by, said.envelope.time))
            return
        if said.merges:  # what it looks at may lie in this very batch, and what follows looks at what it does
            work.flush()
        with work.all_or_nothing():
            self._react(work, said.owner, said.event, said.envelope.id, raw)
        if said.merges:
            work.flush()

    def _react(self, work: Work, owner: Owner, event: Threshold, event_id: UUID, raw: bytes) -> None:
        tag = self._tools.achievements.tag(owner.tenant, requirement_of(event))
        if isinstance(event, RequirementMetV1):
            answered = self._transfers.on_met(work, owner, event, event_id)
            work.batch.rows.append(rows.requirement_met(owner, tag, event.cycle, event_id, raw))
            award_all(work, owner, event, event_id, answered)
        else:
            work.batch.rows.append(rows.requirement_lapsed(owner, tag, event.cycle))
            self._lapse_all(work, owner, event, event_id)

    def _lapse_all(self, work: Work, owner: Owner, event: RequirementLapsedV1, event_id: UUID) -> None:
        """Only awards of the cycle that ended, each judged by the definition it was made under."""
        issuer = self._tools.signer.issuer(owner.tenant)
        for current in work.snapshot.answering(owner.tenant, requirement_of(event)):
            award_id = award_id_of(issuer, owner.learner, current.id, event.cycle)
            self._lapse(work, owner, award_id, owner.learner, event, event_id)
        for row in self._transfers.came_to(work, owner):
            with self._transfers.at(work, row) as elsewhere:
                self._lapse(elsewhere, owner_of(row), row.id, owner.learner, event, event_id)

    def _lapse(
        self, work: Work, owner: Owner, award_id: UUID, holder: UUID, event: RequirementLapsedV1, event_id: UUID
    ) -> None:
        """Handed on to the learner its holder was merged into, if that one meets the requirement; lapsed otherwise."""
        award = work.award(award_id)
        if not recognises(award, event) or (award.holder, award.cycle) != (holder, event.cycle):
            return
        assert award.proposed is not None
        tag = self._tools.achievements.tag(owner.tenant, requirement_of(event))
        heir = self._transfers.heir(work, owner, tag, event)
        if heir is not None and work.do(owner, award_id, heir):
            return
        definition = work.snapshot.by_digest(owner.tenant, award.proposed.achievement_digest)
        rule = rule_for(work, owner.tenant, definition, event.cause, self._per_hour_max)
        lapse(work, owner, award_id, on_requirement_lapsed(event, event_id, holder, rule))


def award_all(
    work: Work, owner: Owner, event: RequirementMetV1, event_id: UUID, answered: Set[str] = frozenset()
) -> None:
    """Every achievement that recognises the requirement, save those that somebody's award already answers."""
    issuer = work.tools.signer.issuer(owner.tenant)
    for definition in work.snapshot.answering(owner.tenant, requirement_of(event)):
        if definition.id in answered:
            continue
        award(work, owner, definition, on_requirement_met(event, event_id, owner.learner, definition, issuer))


def _set_aside(work: Work, record: LogRecord, reason: str) -> None:
    log.error("set aside", partition=record.partition, seq=record.seq, reason=reason)
    work.batch.rows.append(DeadLetter(MASTERY_LEARNER, record, reason).row())
