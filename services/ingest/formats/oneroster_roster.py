"""What a row of users.csv and its enrolments say of a learner."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from services.ingest.domain.claims import Identifier
from services.ingest.domain.roster import RosterEnrolment, RosterEntry
from services.ingest.formats.csv_table import Row

USER_ID: Final = re.compile(r"\{([A-Za-z0-9][A-Za-z0-9._-]{0,50}):([^{}]{1,200})\}", re.ASCII)
USER_IDS: Final = re.compile(rf"(?:{USER_ID.pattern}(?:,(?=\{{)|$))*", re.ASCII)


def entry_of(row: Row, enrolled: list[Row]) -> RosterEntry:
    """A user with its enrolments."""
    cells = row.cells
    roles = {enrolment.cells["role"] for enrolment in enrolled}
    return RosterEntry(
        row=row.line,
        identifiers=tuple(_identifiers(row)),
        role="student" if "student" in roles else next(iter(sorted(roles)), "none"),
        given_name=cells["preferredGivenName"] or cells["givenName"] or None,
        family_name=cells["preferredFamilyName"] or cells["familyName"] or None,
        email=cells["email"] or None,
        enrolments=tuple(_enrolment(enrolment) for enrolment in enrolled),
        withdrawn=cells["status"] == "tobedeleted" or cells["enabledUser"] == "false",
    )


def _identifiers(row: Row) -> Iterator[Identifier]:
    """E-mail is not among them: whether it may identify is the tenant's to say."""
    yield Identifier("sourcedid", row.cells["sourcedId"])
    yield Identifier("username", row.cells["username"])
    if row.cells["identifier"]:
        yield Identifier("identifier", row.cells["identifier"])
    for scheme, value in USER_ID.findall(row.cells["userIds"]):
        yield Identifier(scheme.lower(), value)


def _enrolment(row: Row) -> RosterEnrolment:
    cells = row.cells
    return RosterEnrolment(
        id=cells["sourcedId"],
        organisation=cells["schoolSourcedId"],
        cohort=cells["classSourcedId"],
        begins_on=_day(cells["beginDate"]),
        ends_on=_day(cells["endDate"]),
        withdrawn=cells["status"] == "tobedeleted",
    )


def user_ids_fit(row: Row) -> bool:
    """Whether the typed identifiers can be read."""
    return USER_IDS.fullmatch(row.cells["userIds"]) is not None


def _day(cell: str) -> date | None:
    return date.fromisoformat(cell) if cell else None
