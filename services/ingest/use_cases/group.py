"""What one transaction will write: each piece of work drafts its share, and one that fails leaves the others alone."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from services.ingest.domain.catalogue import Catalogue
from services.ingest.domain.outcomes import Outcome
from services.ingest.domain.records import RecordVersion
from services.ingest.storage import asking, erasures, inbox, statements, vault
from services.ingest.storage.inbox import Message
from services.runtime.clock import Ids
from services.runtime.keys import KeyStore
from services.runtime.store.database import Cursor
from services.runtime.store.outbox import PUT, OutboxMessage, numbered

Rows = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class ToSeal:
    """A row whose last column is sealed under a submission's key once the whole group's keys are made."""

    tenant: str
    key: UUID
    plain: bytes
    sql: str
    row: tuple[Any, ...]
    context: bytes | None = None  # the key's name, unless said

    def sealed(self, keys: KeyStore) -> tuple[Any, ...]:
        """The row with its last column."""
        context = self.key.bytes if self.context is None else self.context
        return (*self.row, keys.submission_key(self.tenant, self.key).seal(self.plain, context))


@dataclass(slots=True)
class Known:
    """What decisions look at, by tag; a tag that was asked for and is not here does not exist."""

    records: dict[bytes, RecordVersion] = field(default_factory=dict)
    messages: dict[bytes, Message] = field(default_factory=dict)
    learners: dict[bytes, UUID] = field(default_factory=dict)
    streams: dict[UUID, int] = field(default_factory=dict)
    lines: dict[tuple[UUID, int], bytes] = field(default_factory=dict)
    statements: dict[tuple[str, UUID], tuple[UUID, bytes]] = field(default_factory=dict)  # receipt, content
    voided: set[tuple[str, UUID]] = field(default_factory=set)

    def absorb(self, other: "Known") -> None:
        """Take over what somebody else has decided."""
        self.records.update(other.records)
        self.messages.update(other.messages)
        self.learners.update(other.learners)
        self.streams.update(other.streams)
        self.lines.update(other.lines)
        self.statements.update(other.statements)
        self.voided |= other.voided


@dataclass(slots=True)
class Wanted:
    """What deciding looks at: tags, and ids of statements by source. A group is asked for all of it at once."""

    records: set[bytes] = field(default_factory=set)
    messages: set[bytes] = field(default_factory=set)
    learners: set[bytes] = field(default_factory=set)
    statements: dict[str, set[UUID]] = field(default_factory=dict)
    voidings: dict[str, set[UUID]] = field(default_factory=dict)


@dataclass(slots=True)
class Writes:
    """Rows by statement, in the order of first use; messages for the log; rows to seal; a sum per source."""

    rows: Rows = field(default_factory=dict)
    messages: list[OutboxMessage] = field(default_factory=list)
    to_seal: list[ToSeal] = field(default_factory=list)
    tally: Counter[tuple[str, str, Outcome]] = field(default_factory=Counter)

    def add(self, sql: str, *rows: tuple[Any, ...]) -> None:
        """One or more rows for a statement."""
        self.rows.setdefault(sql, []).extend(rows)

    def absorb(self, other: "Writes") -> None:
        """Everything of another draft, after what is here."""
        for sql, rows in other.rows.items():
            self.add(sql, *rows)
        self.messages += other.messages
        self.to_seal += other.to_seal
        for each, count in other.tally.items():
            self.tally[each] += count


def waiting_key(person: bytes, source: str, erasure: UUID | None) -> UUID:
    """One for each source and identifier; another one since the identifier was erased, as the first is destroyed."""
    tag = UUID(bytes=person)
    return uuid5(tag, source) if erasure is None else uuid5(tag, f"{source}|{erasure}")


@dataclass(slots=True)
class Group:
    """The state as stored, under what this group has decided so far."""

    cursor: Cursor
    now: datetime
    ids: Ids
    keys: KeyStore
    catalogues: Callable[[str], Catalogue]
    links: vault.Links = field(default_factory=vault.Links)
    seq: int = 0  # of the next receipt
    known: Known = field(default_factory=Known)
    writes: Writes = field(default_factory=Writes)
    changed: set[bytes] = field(default_factory=set)
    looked: Wanted = field(default_factory=Wanted)  # what was read, be it that there was nothing
    _waiting: dict[bytes, UUID | None] = field(default_factory=dict)

    def begin(self, wanted: Wanted, *, at_once: bool) -> None:
        """Where receipts go on, and all that its works want: by one question, or by the fewest where links are kept."""
        if at_once:
            found = asking.ask(self.cursor, wanted.records, wanted.messages, wanted.learners)
            self.seq = found.next_seq
            self.known.absorb(Known(found.records, found.messages, found.learners))
            self.looked.records |= wanted.records
            self.looked.messages |= wanted.messages
            self.links.keep(found.learners)
            wanted = Wanted(statements=wanted.statements, voidings=wanted.voidings)
        else:
            self.seq = inbox.next_seq(self.cursor)
        self.load_wanted(wanted)

    def load(
        self, records: Iterable[bytes] = (), messages: Iterable[bytes] = (), learners: set[bytes] | None = None
    ) -> None:
        """Read what is stored about these tags and not read or decided upon in this group already."""
        known, looked = self.known, self.looked
        records = set(records) - known.records.keys() - looked.records
        messages = set(messages) - known.messages.keys() - looked.messages
        known.records.update(inbox.records_by_tag(self.cursor, records))
        known.messages.update(inbox.messages_by_tag(self.cursor, messages))
        looked.records |= records
        looked.messages |= messages
        if learners:
            known.learners.update(self.links.of(self.cursor, learners))

    def waiting_key(self, person: bytes, source: str) -> UUID:
        """The key of what waits for an identifier."""
        if person not in self._waiting:
            self._waiting[person] = erasures.by_identifier(self.cursor, [person]).get(person)
        return waiting_key(person, source, self._waiting[person])

    def load_wanted(self, wanted: Wanted) -> None:
        """All that one or several works want."""
        self.load(wanted.records, wanted.messages, wanted.learners)
        for source, named in wanted.statements.items():
            ids = _not_yet(self.looked.statements, source, named)
            for id_, row in statements.receipts_by_id(self.cursor, source, ids).items():
                self.known.statements.setdefault((source, id_), row)
        for source, named in wanted.voidings.items():
            ids = _not_yet(self.looked.voidings, source, named)
            self.known.voided |= {(source, id_) for id_ in statements.voided_among(self.cursor, source, ids)}

    def draft(self) -> "Draft":
        """Paper for one piece of work."""
        return Draft(self)

    def absorb(self, draft: "Draft") -> None:
        """The work was decided: it is part of the transaction."""
        self.changed |= draft.known.records.keys()
        self.known.absorb(draft.known)
        self.writes.absorb(draft.writes)
        self.seq = draft.seq

    def prepare(self) -> None:
        """Everything that is done before anything is written."""
        self.make_keys()
        self.seal()

    def make_keys(self) -> None:
        """One call to the key store for each tenant, durable before anything is sealed under them."""
        wanted: dict[str, dict[UUID, None]] = {}
        for each in self.writes.to_seal:
            wanted.setdefault(each.tenant, {})[each.key] = None
        for tenant, ids in wanted.items():
            self.keys.create_submission_keys(tenant, list(ids))

    def seal(self) -> None:
        """Turn everything that is to be sealed into rows."""
        for each in self.writes.to_seal:
            self.writes.add(each.sql, each.sealed(self.keys))

    def write(self, cursor: Cursor, partitions: int) -> None:
        """All of it, inside the caller's transaction."""
        records = [inbox.record_row(tag, version) for tag, version in self.known.records.items() if tag in self.changed]
        tally = [(source, tenant, o.value, n) for (tenant, source, o), n in self.writes.tally.items() if n]
        messages = numbered(cursor, partitions, self.writes.messages)
        rest = ((inbox.PUT_RECORD, records), (inbox.ADD_TALLY, tally), (PUT, messages))
        cursor.write_many([*self.writes.rows.items(), *rest])


def _not_yet(looked: dict[str, set[UUID]], source: str, ids: set[UUID]) -> set[UUID]:
    """Those that were not looked for; from now on they were."""
    seen = looked.setdefault(source, set())
    unseen = ids - seen
    seen |= unseen
    return unseen


@dataclass(slots=True)
class Draft:
    """One piece of work's share: reads through to the group, keeps its own changes apart until it is absorbed."""

    group: Group
    known: Known = field(default_factory=Known)
    writes: Writes = field(default_factory=Writes)
    seq: int = 0

    def __post_init__(self) -> None:
        self.seq = self.group.seq

    def next_seq(self) -> int:
        """The seq of a new receipt."""
        self.seq += 1
        return self.seq - 1

    def record(self, tag: bytes) -> RecordVersion | None:
        """The current version of a record."""
        return self.known.records.get(tag) or self.group.known.records.get(tag)

    def keep(self, tag: bytes, version: RecordVersion) -> None:
        """The record's version from now on."""
        self.known.records[tag] = version

    def message(self, tag: bytes) -> Message | None:
        """A message seen before."""
        return self.group.known.messages.get(tag)

    def learner(self, tag: bytes) -> UUID | None:
        """Whom an identifier means."""
        return self.known.learners.get(tag) or self.group.known.learners.get(tag)
