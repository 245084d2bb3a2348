"""A roster as a plain CSV file: one line a person and enrolment, the columns in any order.

organisation          required: where the learner is enrolled
id:<scheme>           at least one: an identifier the senders use, such as id:student or id:placement
cohort                the class or programme there
begins_on, ends_on    first and last day, as 2026-09-10
given_name, family_name, email    for the vault only
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Final

from services.ingest.domain.checks import IDENTIFIER_CHARACTERS_MAX, SLUG
from services.ingest.domain.claims import Fault, Identifier
from services.ingest.domain.roster import Roster, RosterEnrolment, RosterEntry
from services.ingest.formats.csv_table import FileRefused, Row, read_table
from services.ingest.formats.oneroster_columns import day

FILE_BYTES_MAX: Final = 32 * 1024 * 1024
PLAIN: Final = frozenset({"organisation", "cohort", "begins_on", "ends_on", "given_name", "family_name", "email"})
IDENTIFIER: Final = re.compile(r"id:([a-z0-9][a-z0-9._-]{0,50})", re.ASCII)


class RosterRefused(FileRefused):
    """The file is not a roster."""


def read_roster_csv(raw: bytes) -> Roster:
    """Everybody in the file; a row that cannot be read is a fault, by line and column."""
    if len(raw) > FILE_BYTES_MAX:
        raise RosterRefused(f"at most {FILE_BYTES_MAX} bytes")
    table = read_table("roster", raw)
    schemes = {column: named[1] for column in table.columns if (named := IDENTIFIER.fullmatch(column))}
    if "organisation" not in table.columns or not schemes or not set(table.columns) <= PLAIN | schemes.keys():
        raise RosterRefused("columns: organisation, id:<scheme> at least once, and those this service knows")
    read = [_read(row, schemes) for row in table.rows]
    entries = tuple(one for one in read if isinstance(one, RosterEntry))
    return Roster(entries, tuple(one for one in read if isinstance(one, Fault)))


def _read(row: Row, schemes: Mapping[str, str]) -> RosterEntry | Fault:
    fault = _fault(row, schemes)
    if fault is not None:
        return Fault(fault[0], f"/{row.line}/{fault[1]}".rstrip("/"), f"line {row.line}, {fault[1] or 'whole row'}")
    cells = row.cells
    return RosterEntry(
        row=row.line,
        identifiers=tuple(Identifier(scheme, cells[column]) for column, scheme in schemes.items() if cells[column]),
        role="student",
        given_name=cells.get("given_name") or None,
        family_name=cells.get("family_name") or None,
        email=cells.get("email") or None,
        enrolments=(_enrolment(row, schemes),),
    )


def _enrolment(row: Row, schemes: Mapping[str, str]) -> RosterEnrolment:
    """Its id is who and where, so that the same line with other days replaces what was said before."""
    cells = row.cells
    who = next(f"{scheme}={cells[column]}" for column, scheme in schemes.items() if cells[column])
    organisation, cohort = cells["organisation"], cells.get("cohort") or None
    begins_on, ends_on = _day(cells.get("begins_on")), _day(cells.get("ends_on"))
    return RosterEnrolment(f"{who}|{organisation}|{cohort or ''}", organisation, cohort, begins_on, ends_on)


def _fault(row: Row, schemes: Mapping[str, str]) -> tuple[str, str] | None:
    """The reason and the column."""
    cells = row.cells
    if row.broken is not None:
        return row.broken, ""
    if SLUG.fullmatch(cells["organisation"]) is None:
        return "not-a-slug", "organisation"
    if not any(cells[column].strip() for column in schemes):
        return "missing", next(iter(schemes))
    for column in schemes:
        if len(cells[column]) > IDENTIFIER_CHARACTERS_MAX:
            return "text-too-long", column
    for column in ("begins_on", "ends_on"):
        if cells.get(column) and day(cells[column]):
            return "not-a-date", column
    return None


def _day(cell: str | None) -> date | None:
    return date.fromisoformat(cell) if cell else None
