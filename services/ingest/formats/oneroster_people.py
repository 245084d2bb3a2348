"""Users and enrolments of a OneRoster package as they are settled: each row once, those of one learner together."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from services.ingest.domain.claims import Fault, Held, NoClaim
from services.ingest.domain.roster import RosterEntry
from services.ingest.formats.csv_table import Row
from services.ingest.formats.oneroster import File, ManifestRefused, Package, fault_at, open_package
from services.ingest.formats.oneroster_results import Cells, Kept, nothing_kept
from services.ingest.formats.oneroster_results import is_nameless as is_nameless_row
from services.ingest.formats.oneroster_roster import entry_of, user_ids_fit

USERS: Final = "users"
ENROLLMENTS: Final = "enrollments"
FILES: Final = (USERS, ENROLLMENTS)
NOT_A_LEARNER: Final = NoClaim("not-a-learner")


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One row of either file; `problem` is None when it belongs to a learner's unit."""

    file: str
    line: int
    sourced_id: str
    problem: Fault | Held | NoClaim | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """One learner: the numbers of its rows, its enrolments' by sourcedId; `user` is None where only they came."""

    sourced_id: str
    entry: RosterEntry
    user: int | None
    enrolments: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RosterPackage:
    """Rows in the order of the files, learners in the order of their users; see `ResultsPackage` for the rest."""

    rows: list[PersonRow]
    units: list[Unit]
    present: Mapping[str, frozenset[str]]
    complete: frozenset[str]
    nameless: bool


def open_people(raw: bytes, kept: Kept = nothing_kept) -> RosterPackage:
    """The package; learners are those enrolled as students, here or in an earlier package."""
    package = open_package(raw)
    if package.file(USERS).processing == "absent" and package.file(ENROLLMENTS).processing == "absent":
        raise ManifestRefused("users.csv or enrollments.csv is wanted")
    return _People(package, kept).package()


class _People:
    """The package's rows, each with its problem or its learner."""

    def __init__(self, package: Package, kept: Kept) -> None:
        self._users, self._enrolments = package.file(USERS), package.file(ENROLLMENTS)
        self._faulty = self._faulty_users()
        self._cells = self._known_users(kept)
        self._roles: dict[str, set[str]] = {}
        for row in self._enrolments.rows.values():
            self._roles.setdefault(row.cells["userSourcedId"], set()).add(row.cells["role"])

    def package(self) -> RosterPackage:
        rows = [*self._rows(USERS, self._users), *self._rows(ENROLLMENTS, self._enrolments)]
        files = [file for file in (self._users, self._enrolments) if file.complete]
        present = {
            name: frozenset((*file.rows, *(each.row.cells.get("sourcedId", "") for each in file.faults)))
            for name, file in ((USERS, self._users), (ENROLLMENTS, self._enrolments))
        }
        nameless = any(is_nameless_row(each) for file in files for each in file.faults)
        return RosterPackage(rows, list(self._units(rows)), present, frozenset(file.name for file in files), nameless)

    def _rows(self, name: str, file: File) -> list[PersonRow]:
        faulty = [PersonRow(name, each.row.line, "", each.fault) for each in file.faults]
        judge = self._of_user if name == USERS else self._of_enrolment
        sound = [PersonRow(name, row.line, id_, judge(row)) for id_, row in file.rows.items()]
        return sorted((*faulty, *sound), key=lambda row: row.line)

    def _of_user(self, row: Row) -> Fault | NoClaim | None:
        sourced_id = row.cells["sourcedId"]
        if sourced_id in self._faulty:
            return self._faulty[sourced_id]
        roles = self._roles.get(sourced_id, set())
        learner = "student" in roles or (not roles and not self._enrolments.complete)
        return None if learner else NOT_A_LEARNER

    def _of_enrolment(self, row: Row) -> Fault | Held | NoClaim | None:
        user = row.cells["userSourcedId"]
        if user in self._faulty:
            return Held(self._faulty[user])
        if user not in self._cells:
            return fault_at(ENROLLMENTS, row, "userSourcedId", "unknown-reference", "users.csv has no such row")
        return None if row.cells["role"] == "student" else NOT_A_LEARNER

    def _units(self, rows: list[PersonRow]) -> Iterator[Unit]:
        users: dict[str, int | None] = {}
        enrolled: dict[str, dict[str, int]] = {}
        for number, row in enumerate(rows):
            if row.problem is None and row.file == USERS:
                users[row.sourced_id] = number
            elif row.problem is None:
                user = self._enrolments.rows[row.sourced_id].cells["userSourcedId"]
                users.setdefault(user, None)
                enrolled.setdefault(user, {})[row.sourced_id] = number
        for place, (user, of_user) in enumerate(users.items()):
            yield self._unit(place, user, of_user, enrolled.get(user, {}))

    def _unit(self, place: int, user: str, number: int | None, enrolled: Mapping[str, int]) -> Unit:
        """Its entry's row is its place among the units."""
        row = Row(place, dict(self._cells[user]))
        entry = entry_of(row, [self._enrolments.rows[each] for each in enrolled])
        return Unit(user, replace(entry, role="student", known_only=not enrolled), number, enrolled)

    def _faulty_users(self) -> dict[str, Fault]:
        """By sourcedId; a row that only repeats another's says nothing against that other."""
        found = {
            each.row.cells["sourcedId"]: each.fault
            for each in self._users.faults
            if each.fault.reason != "duplicate-sourced-id" and each.row.cells.get("sourcedId")
        }
        for id_, row in self._users.rows.items():
            if not user_ids_fit(row):
                found[id_] = fault_at(USERS, row, "userIds", "not-user-ids", "{type:identifier}, separated by commas")
        return found

    def _known_users(self, kept: Kept) -> dict[str, Cells]:
        """Those of the package, and whom a delta's enrolments name besides."""
        known: dict[str, Cells] = {id_: row.cells for id_, row in self._users.rows.items()}
        if not self._users.complete:
            named = {row.cells["userSourcedId"] for row in self._enrolments.rows.values()}
            found = kept((USERS, user) for user in named - known.keys() - self._faulty.keys())
            known |= {user: cells for (_, user), cells in found.items()}
        return known
