"""Keeping statements: under the learner's key when the learner is known, else under a key of the identifier's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from services.ingest.storage import erasures, statements
from services.ingest.storage.statements import StatementRow
from services.ingest.use_cases.group import Draft, ToSeal, waiting_key
from services.ingest.use_cases.settle import Item
from services.runtime.clock import to_micros
from services.runtime.keys import DataKey, KeyDestroyed, KeyStore
from services.runtime.store.database import Cursor

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
    key = draft.group.waiting_key(sent.person, source) if sent.person else _key_of_nobody(source, sent.id)
    draft.writes.to_seal.append(ToSeal(tenant, key, plain, statements.PUT_STATEMENT, row, context))


def _key_of_nobody(source: str, statement: UUID) -> UUID:
    """A statement about nobody in particular has a key of its own."""
    return uuid5(statement, source)


def open_statement(cursor: Cursor, keys: KeyStore, tenant: str, row: StatementRow) -> str:
    """As it was sent; raises KeyDestroyed when it was erased."""
    if not row.sealed:
        raise KeyDestroyed
    return _key_of(cursor, keys, tenant, row).open(row.sealed, context_of(row.source, row.id)).decode()


def _key_of(cursor: Cursor, keys: KeyStore, tenant: str, row: StatementRow) -> DataKey:
    """Its learner's, or that of what is parked for the identifier."""
    if row.learner is not None:
        return keys.learner_key(tenant, row.learner)
    if not row.person:
        return keys.submission_key(tenant, _key_of_nobody(row.source, row.id))
    erasure = erasures.by_identifier(cursor, [row.person]).get(row.person)
    return keys.submission_key(tenant, waiting_key(row.person, row.source, erasure))


def keep_statements(draft: Draft, tenant: str, person: bytes, learner: UUID) -> None:
    """The identifier means this learner from now on: what is kept under its key goes under the learner's."""
    keys = draft.group.keys
    for row in statements.of_nobody(draft.group.cursor, person):
        plain = open_statement(draft.group.cursor, keys, tenant, row).encode()
        sealed = keys.learner_key(tenant, learner).seal(plain, context_of(row.source, row.id))
        draft.writes.add(statements.RESEAL, (learner.bytes, sealed, row.seq))
