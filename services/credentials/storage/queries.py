"""What is read from the rows: awards, credentials, status lists, and who waits for a sweep."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.runtime.clock import from_micros, to_micros
from services.runtime.store.database import Cursor, Database

PAGE_MAX = 200
_COLUMNS = "id, award, tenant, learner, list_id, position, issued_at, revoked_at, content, sealed, holder"
_AWARD = "id, tenant, learner, part, standing, changed_at, holder, heir"
_CREDENTIAL = f"SELECT {_COLUMNS} FROM credential"  # noqa: S608
READABLE = "learner NOT IN (SELECT learner FROM erased_learner)"


@dataclass(frozen=True, slots=True)
class CredentialRow:
    """One issued credential, its bytes still sealed."""

    id: str
    award: UUID
    tenant: str
    learner: UUID
    list_id: str
    position: int
    issued_at: datetime
    revoked_at: datetime | None
    content: str
    sealed: bytes
    holder: UUID


@dataclass(frozen=True, slots=True)
class AwardRow:
    """One award: whose, on which partition, and how it stands."""

    id: UUID
    tenant: str
    learner: UUID
    partition: int
    standing: str
    changed_at: datetime
    holder: UUID
    heir: UUID | None


@dataclass(frozen=True, slots=True)
class MetRow:
    """A requirement a learner meets, still sealed."""

    learner: UUID
    cycle: int
    event_id: UUID
    envelope: bytes


class Queries:
    """Snapshots, never waiting for the writer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def as_of_now(self) -> AbstractContextManager[Cursor]:
        """What this thread asks within it is of one moment."""
        return self._database.read()

    def credential(self, tenant: str, credential_id: str) -> CredentialRow | None:
        """One credential of the tenant's."""
        rows = self._rows(f"{_CREDENTIAL} WHERE tenant = ? AND id = ?", tenant, credential_id)
        return _credential(rows[0]) if rows else None

    def credentials_of(self, tenant: str, learner: UUID) -> list[CredentialRow]:
        """Those a learner has, or had before a merge, the oldest first."""
        where = f"{_CREDENTIAL} WHERE tenant = ? AND (learner = ? OR holder = ?) AND {READABLE} ORDER BY issued_at, id"
        return [_credential(row) for row in self._rows(where, tenant, learner.bytes, learner.bytes)]

    def award(self, tenant: str, award_id: UUID) -> AwardRow | None:
        """One award of the tenant's."""
        found = self.awards_where("tenant = ? AND id = ?", values=(tenant, award_id.bytes), limit=1)
        return found[0] if found else None

    def awards(
        self, tenant: str, standings: Sequence[str], after: tuple[int, bytes], limit: int, learner: UUID | None = None
    ) -> list[AwardRow]:
        """A page of the tenant's (or one learner's) awards that stand so, in the order they changed."""
        marks = ",".join("?" * len(standings))
        condition = f"tenant = ? AND standing IN ({marks}) AND (changed_at, id) > (?, ?)"
        values: tuple[object, ...] = (tenant, *standings, *after)
        if learner is not None:
            condition, values = f"{condition} AND holder = ?", (*values, learner.bytes)
        return self.awards_where(condition, values=values, limit=limit)

    def erased(self, tenant: str, learner: UUID) -> tuple[UUID, datetime] | None:
        """By which event, and when, the learner was erased."""
        sql = "SELECT event, erased_at FROM erased_learner WHERE tenant = ? AND learner = ?"
        rows = self._rows(sql, tenant, learner.bytes)
        return (UUID(bytes=rows[0][0]), from_micros(rows[0][1])) if rows else None

    def meets(self, tenant: str, requirement: bytes, partition: int, learner: UUID) -> tuple[int, UUID] | None:
        """(cycle, event) by which the learner meets the requirement now."""
        sql = (
            "SELECT cycle, event_id FROM met WHERE tenant = ? AND requirement = ? AND part = ? AND learner = ?"
            " ORDER BY cycle DESC LIMIT 1"
        )
        rows = self._rows(sql, tenant, requirement, partition, learner.bytes)
        return (rows[0][0], UUID(bytes=rows[0][1])) if rows else None

    def revoked_in(self, list_id: str) -> list[int]:
        """The positions of a list whose bit is set."""
        sql = "SELECT position FROM credential WHERE list_id = ? AND revoked_at IS NOT NULL"
        return [row[0] for row in self._rows(sql, list_id)]

    def status_list(self, list_id: str) -> tuple[str, int] | None:
        """Whose list it is, and how many of it are revoked."""
        rows = self._rows("SELECT tenant, revoked FROM status_list WHERE list_id = ?", list_id)
        return (rows[0][0], rows[0][1]) if rows else None

    def last_list(self, tenant: str, partition: int) -> tuple[int, int]:
        """The number of the list being filled and how many places of it are taken."""
        sql = "SELECT number, taken FROM status_list WHERE tenant = ? AND part = ? ORDER BY number DESC LIMIT 1"
        rows = self._rows(sql, tenant, partition)
        return (rows[0][0], rows[0][1]) if rows else (1, 0)

    def revoked_since(self, tenant: str, since: datetime) -> int:
        """How many of the tenant's credentials were revoked after the instant."""
        sql = "SELECT count(*) FROM credential WHERE tenant = ? AND revoked_at > ?"
        return int(self._rows(sql, tenant, to_micros(since))[0][0])

    def sweeps(self, partition: int) -> list[tuple[str, str]]:
        """Achievements (tenant, id) defined since somebody on this partition may have met their requirement."""
        return [(t, a) for t, a in self._rows("SELECT tenant, achievement FROM sweep WHERE part = ?", partition)]

    def met(
        self, tenant: str, requirement: bytes, partition: int, after: tuple[bytes, int], limit: int
    ) -> list[MetRow]:
        """Who meets the requirement, a page at a time."""
        sql = (
            "SELECT learner, cycle, event_id, envelope FROM met WHERE tenant = ? AND requirement = ? AND part = ?"
            " AND (learner, cycle) > (?, ?) ORDER BY learner, cycle LIMIT ?"
        )
        rows = self._rows(sql, tenant, requirement, partition, *after, limit)
        return [MetRow(UUID(bytes=a), b, UUID(bytes=c), d) for a, b, c, d in rows]

    def awards_where(self, *conditions: str, values: Sequence[object], limit: int) -> list[AwardRow]:
        """The awards of which any of the conditions holds, each once, in the order they changed.

        Asked as one condition with OR, PostgreSQL looks through all of a tenant's until it has statistics.
        """
        each = [f"SELECT {_AWARD} FROM award WHERE {condition}" for condition in conditions]  # noqa: S608 - ours
        sql = f"{' UNION '.join(each)} ORDER BY changed_at, id LIMIT ?"
        return [_award(row) for row in self._rows(sql, *values, limit)]

    def _rows(self, sql: str, *values: object) -> list[tuple]:  # type: ignore[type-arg]
        with self._database.read() as cursor:
            return cursor.execute(sql, values).fetchall()


def _award(row: tuple) -> AwardRow:  # type: ignore[type-arg]
    id_, tenant, learner, partition, standing, changed, holder, heir = row
    return AwardRow(
        UUID(bytes=id_),
        tenant,
        UUID(bytes=learner),
        partition,
        standing,
        from_micros(changed),
        UUID(bytes=holder),
        UUID(bytes=heir) if heir else None,
    )


def _credential(row: tuple) -> CredentialRow:  # type: ignore[type-arg]
    id_, award, tenant, learner, list_id, position, issued, revoked, content, sealed, holder = row
    return CredentialRow(
        id_,
        UUID(bytes=award),
        tenant,
        UUID(bytes=learner),
        list_id,
        position,
        from_micros(issued),
        revoked and from_micros(revoked),
        content,
        sealed,
        UUID(bytes=holder),
    )
