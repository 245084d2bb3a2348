"""Who is meant: learners, the identifiers that mean them, their enrolments, and what waits for an unknown one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from services.ingest.storage.inbox import rows_by_tag
from services.runtime.store.database import Cursor

PUT_LEARNER = """
INSERT INTO learner (id, tenant, registered_at, profile, sealed) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET profile = excluded.profile, sealed = excluded.sealed
"""
PUT_IDENTIFIER = """
INSERT INTO identifier (tag, tenant, learner, link, scheme, sealed, linked_at, linked_by)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
PUT_ENROLMENT = """
INSERT INTO enrolment (id, tenant, learner, organisation, cohort, begins_on, ends_on) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET organisation = excluded.organisation, cohort = excluded.cohort,
    begins_on = excluded.begins_on, ends_on = excluded.ends_on
"""
PUT_PARKED = """
INSERT INTO parked (arrival, tenant, tag, receipt, item, source, door, mapping, key, sealed)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
MOVE_ENROLMENT = "UPDATE enrolment SET learner = ? WHERE id = ?"
DROP_PARKED = "DELETE FROM parked WHERE arrival = ?"

LINKS_KEPT_MAX = 200_000


@dataclass(frozen=True, slots=True)
class Parked:
    """One claim that waits for its learner, sealed under the key of its source and identifier."""

    arrival: int
    receipt: int
    item: int
    source: str
    door: str
    mapping: str | None
    key: UUID
    sealed: bytes


@dataclass(frozen=True, slots=True)
class EnrolmentRow:
    """One enrolment of a learner."""

    id: UUID
    organisation: str
    cohort: str | None
    begins_on: date | None
    ends_on: date | None


def learners_by_tag(cursor: Cursor, tags: Iterable[bytes]) -> dict[bytes, UUID]:
    """Whom the identifiers mean, those that are linked."""
    found = rows_by_tag(cursor, "SELECT tag, learner FROM identifier WHERE tag", tags)
    return {tag: UUID(bytes=learner) for tag, learner in found}


class Links:
    """Whom identifiers mean, as far as this process has seen; whoever moves one says so, and it is looked up again."""

    def __init__(self) -> None:
        self._known: dict[bytes, UUID] = {}

    def of(self, cursor: Cursor, tags: set[bytes]) -> dict[bytes, UUID]:
        """Those of the identifiers that are linked; only the ones not seen before are looked up."""
        known = self._known
        if unseen := tags - known.keys():
            if len(known) > LINKS_KEPT_MAX:
                known.clear()
                unseen = tags
            known |= learners_by_tag(cursor, unseen)
        return {tag: known[tag] for tag in tags if tag in known}

    def keep(self, found: dict[bytes, UUID]) -> None:
        """Whom these mean was asked elsewhere."""
        self._known |= found

    def forget(self, tags: Iterable[bytes]) -> None:
        """These may mean somebody else once the work at hand is written."""
        for tag in tags:
            self._known.pop(tag, None)


def tenant_of_learner(cursor: Cursor, learner: UUID) -> str | None:
    """The tenant a learner belongs to; None for an id nobody has."""
    row = cursor.execute("SELECT tenant FROM learner WHERE id = ?", (learner.bytes,)).fetchone()
    return str(row[0]) if row else None


def link_by_tag(cursor: Cursor, tag: bytes) -> tuple[UUID, UUID] | None:
    """(link, learner) of an identifier."""
    row = cursor.execute("SELECT link, learner FROM identifier WHERE tag = ?", (tag,)).fetchone()
    return (UUID(bytes=row[0]), UUID(bytes=row[1])) if row else None


def profiles_of(cursor: Cursor, learners: Iterable[UUID]) -> dict[UUID, bytes]:
    """The keyed digest of each learner's profile as stored."""
    found = rows_by_tag(cursor, "SELECT id, profile FROM learner WHERE id", [learner.bytes for learner in learners])
    return {UUID(bytes=row[0]): row[1] for row in found}


def enrolments_by_id(cursor: Cursor, ids: Iterable[UUID]) -> dict[UUID, tuple[Any, ...]]:
    """(learner, organisation, cohort, begins_on, ends_on) of each enrolment known."""
    select = "SELECT id, learner, organisation, cohort, begins_on, ends_on FROM enrolment WHERE id"
    return {UUID(bytes=row[0]): row[1:] for row in rows_by_tag(cursor, select, [each.bytes for each in ids])}


def enrolments_of(cursor: Cursor, learner: UUID) -> list[EnrolmentRow]:
    """Every enrolment of a learner."""
    rows = cursor.execute(
        "SELECT id, organisation, cohort, begins_on, ends_on FROM enrolment WHERE learner = ? ORDER BY id",
        (learner.bytes,),
    ).fetchall()
    return [EnrolmentRow(UUID(bytes=row[0]), row[1], row[2], _day(row[3]), _day(row[4])) for row in rows]


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def parked_of(cursor: Cursor, tag: bytes) -> list[Parked]:
    """What waits for this identifier, in the order of receipt."""
    rows = cursor.execute(
        "SELECT arrival, receipt, item, source, door, mapping, key, sealed FROM parked WHERE tag = ? ORDER BY arrival",
        (tag,),
    ).fetchall()
    return [_parked(*row) for row in rows]


def _parked(
    arrival: int, receipt: int, item: int, source: str, door: str, mapping: str | None, key: bytes, sealed: bytes
) -> Parked:
    return Parked(arrival, receipt, item, source, door, mapping, UUID(bytes=key), sealed)
