"""Keeping statements: under the learner's key when the learner is known, else under a key of the identifier's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from services.ingest.storage import statements
from services.ingest.storage.statements import StatementRow
from services.ingest.use_cases.group import Draft, ToSeal
from services.ingest.use_cases.settle import Item
from services.runtime.clock import to_micros
from services.runtime.keys import DataKey, KeyStore

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Sent:
    """One statement as the door has checked, read and tagged it; `person` is the tag of whom it is about."""

    id: UUID
    text: str
    document: Json
    content: bytes
    items: Sequence[Item]
    person: bytes
    actor: int | None
    agents: Sequence[int]
    verb: int
    activity: int | None
    registration: int | None
    voids: UUID | None
    major: int

    @property
    def records(self) -> bytes:
        """The tags of its items, one after the other; nothing when its only item has no record."""
        if len(self.items) == 1:
            return self.items[0].record
        return b"".join(item.record or bytes(16) for item in self.items)


def context_of(source: str, statement: UUID) -> bytes:
    """What a sealed statement is bound to."""
    return f"statement|{source}|{statement}".encode()


def keep(draft: Draft, tenant: str, source: str, sent: Sent, seq: int, *, voided: bool) -> None:
    """The statement's row, sealed now or with the group."""
    learner = draft.learner(sent.person) if sent.person else None
    flags = (sent.voids is not None) * statements.VOIDS | voided * statements.VOIDED
    flags |= (sent.major == 2) * statements.SECOND_EDITION
    head = (seq, source, sent.id.bytes, to_micros(draft.group.now), sent.content, flags, sent.records)
    found_by = (sent.actor, sent.verb, sent.activity, sent.registration)
    row = (*head, learner.bytes if learner else None, sent.person, *found_by)
    context, plain = context_of(source, sent.id), sent.text.encode()
    draft.writes.add(statements.PUT_AGENT, *((agent, seq) for agent in sent.agents))
    if learner is not None:
        sealed = draft.group.keys.learner_key(tenant, learner).seal(plain, context)
        draft.writes.add(statements.PUT_STATEMENT, (*row, sealed))
        return
    key = _key_until_known(sent.person, source, sent.id)
    draft.writes.to_seal.append(ToSeal(tenant, key, plain, statements.PUT_STATEMENT, row, context))


def _key_until_known(person: bytes, source: str, statement: UUID) -> UUID:
    """The key of what is parked for the identifier; a statement about nobody in particular has its own."""
    return uuid5(UUID(bytes=person), source) if person else uuid5(statement, source)


def open_statement(keys: KeyStore, tenant: str, row: StatementRow) -> str:
    """As it was sent; raises KeyDestroyed when it was erased."""
    return _key_of(keys, tenant, row).open(row.sealed, context_of(row.source, row.id)).decode()


def _key_of(keys: KeyStore, tenant: str, row: StatementRow) -> DataKey:
    if row.learner is not None:
        return keys.learner_key(tenant, row.learner)
    return keys.submission_key(tenant, _key_until_known(row.person, row.source, row.id))


def keep_statements(draft: Draft, tenant: str, person: bytes, learner: UUID) -> None:
    """The identifier means this learner from now on: what is kept under its key goes under the learner's."""
    keys = draft.group.keys
    for row in statements.of_nobody(draft.group.cursor, person):
        plain = open_statement(keys, tenant, row).encode()
        sealed = keys.learner_key(tenant, learner).seal(plain, context_of(row.source, row.id))
        draft.writes.add(statements.RESEAL, (learner.bytes, sealed, row.seq))
