"""The roster in a OneRoster package: users with their identifiers, and their enrolments."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from services.ingest.domain.claims import Fault, Identifier
from services.ingest.domain.roster import Roster, RosterEnrolment, RosterEntry
from services.ingest.formats.csv_table import Row
from services.ingest.formats.oneroster import ManifestRefused, Package, fault_at, open_package

USER_ID: Final = re.compile(r"\{([A-Za-z0-9][A-Za-z0-9._-]{0,50}):([^{}]{1,200})\}", re.ASCII)
USER_IDS: Final = re.compile(rf"(?:{USER_ID.pattern}(?:,(?=\{{)|$))*", re.ASCII)


def read_roster(raw: bytes) -> Roster:
    """Everybody in users.csv; a row that cannot be read, or names what the package lacks, is a fault."""
    package = open_package(raw)
    if package.file("users").processing == "absent":
        raise ManifestRefused("users.csv is wanted")
    faults = [*_of_files(package), *_strangers(package), *_unreadable_ids(package)]
    enrolments = _enrolments(package)
    users = package.file("users").rows.values()
    entries = tuple(entry_of(row, enrolments.get(row.cells["sourcedId"], [])) for row in users if user_ids_fit(row))
    return Roster(entries, tuple(faults))


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


def _enrolments(package: Package) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in package.file("enrollments").rows.values():
        found.setdefault(row.cells["userSourcedId"], []).append(row)
    return found


def _of_files(package: Package) -> Iterator[Fault]:
    for name in ("users", "enrollments"):
        for faulty in package.file(name).faults:
            yield faulty.fault


def _strangers(package: Package) -> Iterator[Fault]:
    users = package.file("users")
    for row in package.file("enrollments").rows.values():
        if users.complete and row.cells["userSourcedId"] not in users.rows:
            yield fault_at("enrollments", row, "userSourcedId", "unknown-reference", "users.csv has no such row")


def _unreadable_ids(package: Package) -> Iterator[Fault]:
    for row in package.file("users").rows.values():
        if not user_ids_fit(row):
            yield fault_at("users", row, "userIds", "not-user-ids", "{type:identifier}, separated by commas")


def user_ids_fit(row: Row) -> bool:
    """Whether the typed identifiers can be read."""
    return USER_IDS.fullmatch(row.cells["userIds"]) is not None


def _day(cell: str) -> date | None:
    return date.fromisoformat(cell) if cell else None
