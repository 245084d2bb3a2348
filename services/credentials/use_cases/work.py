"""One transaction in the making: awards read once, decisions recorded, and what must be written with them."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from typing import Any
from uuid import UUID

from contracts.envelope import log_key
from contracts.events import CREDENTIALS_LEARNER
from services.credentials.domain.award import Award, decide, evolve
from services.credentials.domain.commands import Command
from services.credentials.domain.events import AwardTransferred, CredentialIssued, CredentialRevoked, Event
from services.credentials.publishing import event_id_of, to_public
from services.credentials.signing.signer import Signer
from services.credentials.storage import rows
from services.credentials.storage.achievements import Achievements
from services.credentials.storage.owners import StreamKeys
from services.credentials.storage.queries import Queries
from services.credentials.storage.rows import Owner
from services.credentials.storage.snapshot import Snapshot
from services.runtime.sealing import Sealer
from services.runtime.store.port import Append, Batch, OutboxMessage, PartitionStore, RecordedEvent, Unopened


@dataclass(frozen=True)
class Tools:
    """What every decision is made with."""

    signer: Signer
    sealer: Sealer
    owners: StreamKeys
    queries: Queries
    achievements: Achievements

    def snapshot(self) -> Snapshot:
        """What is decided on, as of one moment; to be entered when nobody else decides."""
        return Snapshot(self.queries, self.achievements)


def fold(recorded: Sequence[RecordedEvent]) -> Award:
    """The award its events make."""
    return reduce(evolve, (one.event for one in recorded), Award())  # type: ignore[arg-type]


@dataclass
class Work:
    """Decisions on one partition, all or none of them written."""

    tools: Tools
    store: PartitionStore
    snapshot: Snapshot
    now: datetime
    batch: Batch = field(default_factory=Batch)
    _awards: dict[UUID, Award] = field(default_factory=dict)
    _places: dict[str, tuple[int, int]] = field(default_factory=dict)
    revoked: dict[str, int] = field(default_factory=dict)
    _ahead: dict[UUID, Unopened] = field(default_factory=dict)

    def look_ahead(self, awards: Iterable[tuple[UUID, UUID]]) -> None:
        """Read together those (award, learner whose key seals it) that are about to be asked for one by one."""
        wanted = {award_id: learner for award_id, learner in awards if award_id not in self._awards}
        for award_id, learner in wanted.items():
            self.tools.owners.remember(award_id, learner)
        self._ahead = {one.stream: one for one in self.store.streams(wanted)}

    def award(self, award_id: UUID) -> Award:
        """The award as recorded, and as decided in this work so far."""
        if award_id not in self._awards:
            ahead = self._ahead.get(award_id)
            recorded = self.store.stream(award_id) if ahead is None else ahead.opened()
            self.batch.expected[award_id] = len(recorded)
            self._awards[award_id] = fold(recorded)
        return self._awards[award_id]

    def do(self, owner: Owner, award_id: UUID, command: Command) -> list[Event]:
        """Decide, and record what was decided."""
        events = decide(command, self.award(award_id))
        for event in events:
            self._record(owner, award_id, event)
        return events

    def _record(self, owner: Owner, award_id: UUID, event: Event) -> None:
        self.tools.owners.remember(award_id, owner.learner)
        award = self._awards[award_id] = evolve(self._awards[award_id], event)
        self.batch.appends.append(Append(owner.tenant, award_id, event, self.now))
        self.batch.rows.append(rows.award_stands(award_id, owner, award, self.now))
        if isinstance(event, AwardTransferred) and award.issued is not None:
            self.batch.rows.append(rows.credential_transferred(award.issued.credential_id, event.holder))
        if isinstance(event, CredentialRevoked):
            self.revoked[owner.tenant] = self.revoked.get(owner.tenant, 0) + 1
            self.batch.rows.append(rows.credential_revoked(event.credential_id, self.now))
        if isinstance(event, CredentialIssued | CredentialRevoked):
            self._publish(owner, event, award)

    def _publish(self, owner: Owner, event: CredentialIssued | CredentialRevoked, award: Award) -> None:
        public = to_public(event, award)
        assert public is not None
        event_id = event_id_of(self.tools.signer.issuer(owner.tenant), event)
        learner = str(owner.learner)
        value = self.tools.sealer.seal(public, id=event_id, tenant=owner.tenant, subject=learner, time=self.now)
        self.batch.publish.append(OutboxMessage(CREDENTIALS_LEARNER, log_key(owner.tenant, learner), event_id, value))

    def next_place(self, tenant: str, places_max: int) -> tuple[int, int]:
        """The number of the list being filled and the ordinal taken in it; a place once given is never given again."""
        number, taken = self._places.get(tenant) or self.tools.queries.last_list(tenant, self.store.partition)
        if taken >= places_max:
            number, taken = number + 1, 0
        self._places[tenant] = (number, taken + 1)
        return number, taken

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """What is decided inside is dropped when it ends in an exception; what was decided before stays."""
        lists: tuple[list[Any], ...] = (self.batch.appends, self.batch.rows, self.batch.publish)
        lengths = [len(one) for one in lists]
        tables: list[dict[Any, Any]] = [self._awards, self._places, self.revoked, self.batch.expected]
        copies = [dict(one) for one in tables]
        try:
            yield
        except Exception:
            for one, length in zip(lists, lengths, strict=True):
                del one[length:]
            for table, copy in zip(tables, copies, strict=True):
                table.clear()
                table.update(copy)
            raise

    def commit(self) -> None:
        """Write everything in one transaction."""
        self.snapshot.end()
        self.batch.rows = rows.in_few_statements(self.batch.rows)
        self.store.commit(self.batch)

    def flush(self) -> None:
        """Write what was decided so far, for whoever reads the rows next; a repeat after a crash decides it again."""
        if self.batch.appends or self.batch.rows:
            self.commit()
            self.batch = Batch()
            for table in (self._awards, self._places, self.revoked, self._ahead):
                table.clear()
        self.snapshot.renew()
