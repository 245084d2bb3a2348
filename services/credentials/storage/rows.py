"""Rows that change with the events they follow, in the same transaction."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.credentials.domain.award import Award
from services.runtime.clock import to_micros
from services.runtime.store.database import Cursor
from services.runtime.store.port import Row


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose award it is."""

    tenant: str
    learner: UUID
    partition: int


def award_stands(award_id: UUID, owner: Owner, award: Award, at: datetime) -> Row:
    """The award's standing after its last event."""
    holder, heir = award.holder or owner.learner, award.lapse.heir if award.lapse else None
    place = (award_id.bytes, owner.tenant, owner.learner.bytes, owner.partition)
    values = (*place, award.standing, to_micros(at), holder.bytes, heir.bytes if heir else None)

    def write(cursor: Cursor) -> None:
        cursor.execute(
            "INSERT INTO award (id, tenant, learner, part, standing, changed_at, holder, heir)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET standing = excluded.standing,"
            " changed_at = excluded.changed_at, holder = excluded.holder, heir = excluded.heir",
            values,
        )

    return write


def credential_issued(
    credential_id: str, award_id: UUID, owner: Owner, place: tuple[str, int], at: datetime, content: str, sealed: bytes
) -> Row:
    """The credential's bytes, sealed under the learner's key, and where its bit is."""
    values = (
        credential_id, award_id.bytes, owner.tenant, owner.learner.bytes, *place, to_micros(at), content, sealed,
    )  # fmt: skip

    def write(cursor: Cursor) -> None:
        cursor.execute(
            "INSERT INTO credential (id, award, tenant, learner, list_id, position, issued_at, content, sealed, holder)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*values, owner.learner.bytes),
        )

    return write


def credential_transferred(credential_id: str, holder: UUID) -> Row:
    """Whose it is now."""

    def write(cursor: Cursor) -> None:
        cursor.execute("UPDATE credential SET holder = ? WHERE id = ?", (holder.bytes, credential_id))

    return write


def credential_revoked(credential_id: str, at: datetime) -> Row:
    """Its bit is set, and its list has one more."""

    def write(cursor: Cursor) -> None:
        cursor.execute(
            "UPDATE credential SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL RETURNING list_id",
            (to_micros(at), credential_id),
        )
        for (list_id,) in cursor.fetchall():
            cursor.execute("UPDATE status_list SET revoked = revoked + 1 WHERE list_id = ?", (list_id,))

    return write


def place_taken(list_id: str, tenant: str, partition: int, number: int, taken: int) -> Row:
    """How many places of a status list are given away."""

    def write(cursor: Cursor) -> None:
        cursor.execute(
            "INSERT INTO status_list (list_id, tenant, part, number, taken) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (list_id) DO UPDATE SET taken = excluded.taken",
            (list_id, tenant, partition, number, taken),
        )

    return write


def requirement_met(owner: Owner, requirement: bytes, cycle: int, event_id: UUID, envelope: bytes) -> Row:
    """Remembered, still sealed, for achievements that are defined later."""
    values = (
        owner.tenant, requirement, owner.partition, owner.learner.bytes, cycle, event_id.bytes, envelope,
    )  # fmt: skip

    def write(cursor: Cursor) -> None:
        cursor.execute("INSERT INTO met VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", values)

    return write


def requirement_lapsed(owner: Owner, requirement: bytes, cycle: int) -> Row:
    """What has lapsed earns nothing later."""
    values = (owner.tenant, requirement, owner.partition, owner.learner.bytes, cycle)

    def write(cursor: Cursor) -> None:
        cursor.execute(
            "DELETE FROM met WHERE tenant = ? AND requirement = ? AND part = ? AND learner = ? AND cycle = ?", values
        )

    return write


def learner_erased(owner: Owner, event: UUID, at: datetime) -> Row:
    """Remembered, with the event that says so; what waited for achievements defined later is dropped."""

    def write(cursor: Cursor) -> None:
        cursor.execute(
            "INSERT INTO erased_learner (tenant, learner, event, erased_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (owner.tenant, owner.learner.bytes, event.bytes, to_micros(at)),
        )
        cursor.execute("DELETE FROM met WHERE tenant = ? AND learner = ?", (owner.tenant, owner.learner.bytes))

    return write


def sweep_done(tenant: str, achievement: str, partition: int) -> Row:
    """Everybody on this partition who had met the requirement has been looked at."""

    def write(cursor: Cursor) -> None:
        cursor.execute(
            "DELETE FROM sweep WHERE tenant = ? AND achievement = ? AND part = ?", (tenant, achievement, partition)
        )

    return write
