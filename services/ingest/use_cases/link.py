"""Linking an identifier to a learner, and releasing what was parked for it, in the order of its receipt."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol
from uuid import UUID

from contracts.envelope import PublicEvent
from contracts.learners_v1 import LearnerLinkedV1
from services.ingest.domain.claims import Identifier
from services.ingest.domain.outcomes import Outcome
from services.ingest.storage import erasures, inbox, vault
from services.ingest.storage.moves import current_learner
from services.ingest.use_cases.group import Draft, Group
from services.ingest.use_cases.settle import Item, Origin, Place, Settle, unpack
from services.ingest.use_cases.tags import Tags
from services.ingest.use_cases.xapi_keep import keep_statements
from services.runtime.clock import to_micros
from services.runtime.erased import learner_erased
from services.runtime.problems import Refusal
from services.runtime.store.database import Cursor
from services.runtime.store.outbox import OutboxMessage


class LearnerUnknown(Refusal):
    """No learner of this id."""

    status: ClassVar[int] = 404


class IdentifierTaken(Refusal):
    """The identifier means another learner already; correcting a link is not done by linking again."""

    status: ClassVar[int] = 409


class LearnerMerged(Refusal):
    """The learner is known by another id now: `current`."""

    status: ClassVar[int] = 409


def check_known(cursor: Cursor, tenant: str, *learners: UUID) -> None:
    """Refuse whoever is not a learner of this tenant, or no longer."""
    if any(vault.tenant_of_learner(cursor, learner) != tenant for learner in learners):
        raise LearnerUnknown
    for learner in learners:
        if (erased := erasures.of_learner(cursor, learner)) is not None:
            raise learner_erased(erased[1], erased[0].erased_at)


def check_current(cursor: Cursor, learner: UUID) -> None:
    """Refuse a learner that was merged into another."""
    current = current_learner(cursor, learner)
    if current != learner:
        raise LearnerMerged(current=str(current))


class About(Protocol):
    """Seals and addresses a public event about a learner."""

    def __call__(
        self,
        learner: UUID,
        event: PublicEvent,
        event_id: UUID,
        tenant: str,
        at: datetime,
        occurred_at: datetime | None = None,
    ) -> OutboxMessage: ...


@dataclass(frozen=True, slots=True)
class Linked:
    """A link, and how many parked items it released."""

    link: UUID
    released: int
    new: bool


@dataclass(frozen=True, slots=True)
class Linking:
    """Links identifiers; shared by the roster and by a person's own link."""

    tags: Tags
    settle: Settle
    about: About

    def link(self, draft: Draft, learner: UUID, identifier: Identifier, linked_by: str) -> Linked:
        """Write the link, tell the others, release what waited. The learner has a key."""
        group, tag, link = draft.group, self.tags.identifier(identifier), draft.group.ids.new()
        at, tenant = group.now, self.tags.tenant
        sealed = group.keys.learner_key(tenant, learner).seal(identifier.value.encode(), tag)
        row = (tag, tenant, learner.bytes, link.bytes, identifier.scheme, sealed, to_micros(at), linked_by)
        draft.writes.add(vault.PUT_IDENTIFIER, row)
        draft.known.learners[tag] = learner
        event = LearnerLinkedV1(link=link, scheme=identifier.scheme, linked_by=linked_by)
        draft.writes.messages.append(self.about(learner, event, group.ids.new(), tenant, at))
        keep_statements(draft, tenant, tag, learner)
        return Linked(link, self._release(draft, tag, learner), new=True)

    def _release(self, draft: Draft, tag: bytes, learner: UUID) -> int:
        waiting = [self._open(draft, parked) for parked in vault.parked_of(draft.group.cursor, tag)]
        draft.group.load({item.record for _, item, _ in waiting if item.record})
        for origin, item, place in waiting:
            settled = self.settle.settle(draft, origin, place, item, learner)
            evidence = settled.evidence.bytes if settled.evidence else None
            said = (settled.outcome.value, evidence, settled.reason, settled.pointer)
            draft.writes.add(inbox.CHANGE_OUTCOME, (*said, place.receipt, place.item))
            draft.writes.add(vault.DROP_PARKED, (place.arrival,))
            draft.writes.tally[origin.tenant, origin.source, Outcome.PARKED] -= 1
        return len(waiting)

    def _open(self, draft: Draft, parked: vault.Parked) -> tuple[Origin, Item, Place]:
        plain = draft.group.keys.submission_key(self.tags.tenant, parked.key).open(parked.sealed, parked.key.bytes)
        origin, item = unpack(parked, plain, self.tags.tenant, self.tags)
        receipt = inbox.receipt_by(draft.group.cursor, "seq", parked.receipt)
        assert receipt is not None, "what is parked came with a receipt"
        return origin, item, Place(parked.receipt, receipt.id, parked.item, receipt.received_at)


@dataclass(frozen=True, slots=True)
class LinkIdentifier:
    """Work: a person says whom an identifier means."""

    alone: ClassVar[bool] = True
    items: ClassVar[int] = 1
    linking: Linking
    learner: UUID
    identifier: Identifier
    linked_by: str

    def ask(self, group: Group) -> None:
        """The learner must be of this tenant."""
        check_known(group.cursor, self.linking.tags.tenant, self.learner)
        check_current(group.cursor, self.learner)

    def decide(self, draft: Draft) -> Linked:
        """The same link again changes nothing."""
        existing = vault.link_by_tag(draft.group.cursor, self.linking.tags.identifier(self.identifier))
        if existing is None:
            return self.linking.link(draft, self.learner, self.identifier, self.linked_by)
        link, learner = existing
        if learner != self.learner:
            raise IdentifierTaken
        return Linked(link, 0, new=False)
