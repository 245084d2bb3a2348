"""Rows that change with the events they follow, in the same transaction."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from services.credentials.domain.award import Award
from services.credentials.storage.together import Change, Kind, Values, many, together
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
    return Change(_STANDS, (*place, award.standing, to_micros(at), holder.bytes, heir.bytes if heir else None))


def credential_issued(
    credential_id: str, award_id: UUID, owner: Owner, place: tuple[str, int], at: datetime, content: str, sealed: bytes
) -> Row:
    """The credential's bytes, sealed under the learner's key, and where its bit is."""
    learner = owner.learner.bytes
    values = (credential_id, award_id.bytes, owner.tenant, learner, *place, to_micros(at), content, sealed, learner)
    return Change(_ISSUED, values)


def credential_transferred(credential_id: str, holder: UUID) -> Row:
    """Whose it is now."""
    return Change(_TRANSFERRED, (credential_id, holder.bytes))


def credential_revoked(credential_id: str, at: datetime) -> Row:
    """Its bit is set, and its list has one more."""
    return Change(_REVOKED, (credential_id, to_micros(at)))


def place_taken(list_id: str, tenant: str, partition: int, number: int, taken: int) -> Row:
    """How many places of a status list are given away."""
    return Change(_TAKEN, (list_id, tenant, partition, number, taken))


def requirement_met(owner: Owner, requirement: bytes, cycle: int, event_id: UUID, envelope: bytes) -> Row:
    """Remembered, still sealed, for achievements that are defined later."""
    return Change(_MET, (*_meeting(owner, requirement, cycle), event_id.bytes, envelope))


def requirement_lapsed(owner: Owner, requirement: bytes, cycle: int) -> Row:
    """What has lapsed earns nothing later."""
    return Change(_LAPSED, _meeting(owner, requirement, cycle))


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


def in_few_statements(rows: Iterable[Row]) -> list[Row]:
    """The rows of one transaction, those of a kind written together."""
    return list(together(rows, _ORDER))


def _meeting(owner: Owner, requirement: bytes, cycle: int) -> tuple[object, ...]:
    return owner.tenant, requirement, owner.partition, owner.learner.bytes, cycle


def _transfer(cursor: Cursor, rows: list[Values]) -> None:
    cursor.executemany("UPDATE credential SET holder = ? WHERE id = ?", [(holder, id_) for id_, holder in rows])


def _revoke(cursor: Cursor, rows: list[Values]) -> None:
    """Each once: of one that is revoked already nothing is counted."""
    counts: Counter[str] = Counter()
    for at, group in groupby(rows, lambda row: row[1]):
        ids = [id_ for id_, _ in group]
        for start in range(0, len(ids), _IDS_MAX):
            counts.update(_set_bits(cursor, at, ids[start : start + _IDS_MAX]))
    for list_id, count in counts.items():
        cursor.execute("UPDATE status_list SET revoked = revoked + ? WHERE list_id = ?", (count, list_id))


def _set_bits(cursor: Cursor, at: object, ids: list[object]) -> list[str]:
    """The list of each credential that was not revoked before."""
    marks = ",".join("?" * len(ids))
    sql = f"UPDATE credential SET revoked_at = ? WHERE revoked_at IS NULL AND id IN ({marks}) RETURNING list_id"  # noqa: S608
    return [list_id for (list_id,) in cursor.execute(sql, (at, *ids)).fetchall()]


_IDS_MAX = 500
_STANDS = Kind(
    many(
        "INSERT INTO award (id, tenant, learner, part, standing, changed_at, holder, heir)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET standing = excluded.standing,"
        " changed_at = excluded.changed_at, holder = excluded.holder, heir = excluded.heir"
    ),
    key=1,
    counts="last",
)
_TAKEN = Kind(
    many(
        "INSERT INTO status_list (list_id, tenant, part, number, taken) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (list_id) DO UPDATE SET taken = excluded.taken"
    ),
    key=1,
    counts="last",
)
_ISSUED = Kind(
    many(
        "INSERT INTO credential (id, award, tenant, learner, list_id, position, issued_at, content, sealed, holder)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    ),
    key=1,
    counts="first",
)
_TRANSFERRED = Kind(_transfer, key=1, counts="last")
_REVOKED = Kind(_revoke, key=1, counts="first")
_MET = Kind(many("INSERT INTO met VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"), key=5, counts="first")
_LAPSED = Kind(
    many("DELETE FROM met WHERE tenant = ? AND requirement = ? AND part = ? AND learner = ? AND cycle = ?"),
    key=5,
    counts="first",
    undoes=_MET,
)
_ORDER = (_LAPSED, _MET, _STANDS, _TAKEN, _ISSUED, _TRANSFERRED, _REVOKED)  # a credential is issued before it changes
