"""Erasing a person: what is known of them here goes in one transaction, the keys of what was said right after."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from contracts.envelope import log_key
from contracts.events import INGEST_LEARNER
from contracts.learners_v1 import LearnerErasedV1
from services.ingest.domain.outcomes import Outcome
from services.ingest.storage import erasures, inbox, moves, sources, statements, vault
from services.ingest.use_cases.group import Draft, Group
from services.ingest.use_cases.link import LearnerUnknown, check_current
from services.ingest.use_cases.observe import NAME as OBSERVATIONS
from services.ingest.use_cases.registrars_word import RegistrarsWord
from services.runtime.clock import to_micros
from services.runtime.problems import Refusal
from services.runtime.store.outbox import OutboxMessage

PURPOSE = "erasures"
ERASED = "erased"


class EvidenceMoving(Refusal):
    """Evidence is still moving to or from the learner after a merge or a corrected link; ask again shortly."""

    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Erased:
    """An erasure as it was begun, now or before; `events` by the pseudonym each is about."""

    id: UUID
    at: datetime
    events: dict[UUID, UUID]
    complete: bool
    new: bool


@dataclass(frozen=True, slots=True)
class EraseLearner(RegistrarsWord):
    """Work: the person known as `learner`, with every pseudonym that was merged into it, is erased."""

    def ask(self, group: Group) -> None:
        """It must be the tenant's; one that was merged is erased by the id it is known by now."""
        if vault.tenant_of_learner(group.cursor, self.learner) != self.said.tenant:
            raise LearnerUnknown
        if erasures.of_learner(group.cursor, self.learner) is None:
            check_current(group.cursor, self.learner)

    def decide(self, draft: Draft) -> Erased:
        """The same again changes nothing."""
        group = draft.group
        before = erasures.of_learner(group.cursor, self.learner)
        if before is not None:
            erasure, events = before[0], erasures.learners_of(group.cursor, before[0].id)
            return Erased(erasure.id, erasure.erased_at, events, erasure.state == erasures.DONE, new=False)
        people = [self.learner, *moves.merged_into(group.cursor, self.learner)]
        if moves.under_way_with(group.cursor, people):
            raise EvidenceMoving
        id_, events = group.ids.new(), {each: group.ids.new() for each in people}
        self._record(draft, id_, events)
        tags = self._tags(draft, people)
        for each in people:
            _forget(draft, each)
        for tag in sorted(tags):
            _forget_waiting(draft, self.said.tenant, id_, tag)
            self._forget_waited(draft, id_, tag)
        group.links.forget(tags)
        return Erased(id_, group.now, events, complete=False, new=True)

    def _record(self, draft: Draft, id_: UUID, events: dict[UUID, UUID]) -> None:
        group, tenant = draft.group, self.said.tenant
        sealed = group.keys.tenant_data_key(tenant, PURPOSE).seal(self.said.reason.encode(), id_.bytes)
        row = (id_.bytes, tenant, self.learner.bytes, group.seq - 1, to_micros(group.now), self.said.by, sealed)
        draft.writes.add(erasures.PUT_ERASURE, row)
        for learner, event in events.items():
            draft.writes.add(erasures.PUT_LEARNER, (learner.bytes, tenant, id_.bytes, event.bytes))
            draft.writes.messages.append(self._told(learner, id_, event, group.now))

    def _forget_waited(self, draft: Draft, id_: UUID, tag: bytes) -> None:
        """The keys of what waited for the identifier at any time: in back-ups of that time it still waits."""
        group, tenant = draft.group, self.said.tenant
        named = [f"{tenant}.{OBSERVATIONS}", *(source.id for source in sources.sources_of(group.cursor, tenant))]
        keys = [group.waiting_key(tag, source).bytes for source in named]
        draft.writes.add(erasures.PUT_KEY, *((id_.bytes, key, tenant) for key in keys))

    def _told(self, learner: UUID, id_: UUID, event: UUID, at: datetime) -> OutboxMessage:
        tenant, subject = self.said.tenant, str(learner)
        said = LearnerErasedV1(erasure=id_)
        value = self.tools.sealer.clear(said, id=event, tenant=tenant, subject=subject, time=at)
        return OutboxMessage(INGEST_LEARNER, log_key(tenant, subject), event, value)

    def _tags(self, draft: Draft, people: Sequence[UUID]) -> set[bytes]:
        cursor, tenant = draft.group.cursor, self.said.tenant
        linked = {row.tag for each in people for row in moves.identifiers_of(cursor, each)}
        return linked | {self.tools.by_id(tenant, each) for each in people}


def _forget(draft: Draft, learner: UUID) -> None:
    """Profile, identifiers, enrolments and records; with these nothing finds the way to the pseudonym again."""
    draft.writes.add(erasures.EMPTY_PROFILE, (b"", b"", learner.bytes))
    drops = (erasures.DROP_IDENTIFIERS, erasures.DROP_ENROLMENTS, erasures.DROP_RECORDS)
    for drop in drops:
        draft.writes.add(drop, (learner.bytes,))


def _forget_waiting(draft: Draft, tenant: str, erasure: UUID, tag: bytes) -> None:
    """What waited for the identifier, and its keys; whatever comes for it later waits under another name."""
    cursor = draft.group.cursor
    for row in statements.of_nobody(cursor, tag):
        draft.writes.add(erasures.EMPTY_STATEMENT, (b"", b"", row.seq))
    forget_parked(draft, tenant, erasure, tag)
    draft.writes.add(erasures.PUT_IDENTIFIER, (tag, tenant, erasure.bytes))


def forget_parked(draft: Draft, tenant: str, erasure: UUID, tag: bytes, receipts_to: int | None = None) -> None:
    """Parked items of the identifier, all or those that came up to a receipt: they are over, and count no more."""
    for parked in vault.parked_of(draft.group.cursor, tag):
        if receipts_to is not None and parked.receipt > receipts_to:
            continue
        draft.writes.add(vault.DROP_PARKED, (parked.arrival,))
        draft.writes.add(erasures.PUT_KEY, (erasure.bytes, parked.key.bytes, tenant))
        said = (Outcome.SUPERSEDED.value, None, ERASED, None)
        draft.writes.add(inbox.CHANGE_OUTCOME, (*said, parked.receipt, parked.item))
        draft.writes.tally[tenant, parked.source, Outcome.PARKED] -= 1
        draft.writes.tally[tenant, parked.source, Outcome.SUPERSEDED] += 1
