"""OneRoster 1.2 CSV packages: manifest, headers, rows by sourcedId with their faults by file, line and column."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from services.ingest.domain.claims import Fault
from services.ingest.formats.csv_table import FileRefused, Row, Table, read_table
from services.ingest.formats.oneroster_columns import CHECKS, FILES, HEADERS
from services.ingest.formats.zip_package import PackageRefused, read_package

OPTIONAL_LAST: Final = {"users": "pronouns"}  # came with binding 1.2.1
Processing = Literal["bulk", "delta", "absent"]


class ManifestRefused(PackageRefused):
    """The package's manifest.csv is missing, of another version, or says other files than there are."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of the package: how it is meant, its sound rows by sourcedId, and its faulty rows."""

    name: str
    processing: Processing
    rows: Mapping[str, Row]
    faults: tuple["RowFault", ...] = ()

    @property
    def complete(self) -> bool:
        """Bulk: what is not in it does not exist."""
        return self.processing == "bulk"


@dataclass(frozen=True, slots=True)
class RowFault:
    """A row that cannot be read, as far as it can be told apart, and the fault."""

    row: Row
    fault: Fault


ABSENT: Final = File("", "absent", {})


@dataclass(frozen=True, slots=True)
class Package:
    """A package whose manifest and headers are in order."""

    files: Mapping[str, File]

    def file(self, name: str) -> File:
        """The file of this name; an absent one has no rows."""
        return self.files.get(name, ABSENT)


def open_package(raw: bytes) -> Package:
    """Read every file we know the columns of; other files of OneRoster are named by the manifest and not read."""
    members = read_package(raw)
    if "manifest.csv" not in members:
        raise ManifestRefused("no manifest.csv")
    meant = _manifest(_table("manifest", members["manifest.csv"]))
    _check_members(meant, {name.removesuffix(".csv") for name in members if name != "manifest.csv"}, members)
    read = [name for name, processing in meant.items() if processing != "absent" and name in HEADERS]
    return Package({name: _file(name, meant[name], _table(name, members[f"{name}.csv"])) for name in read})


def fault_at(file: str, row: Row, column: str, reason: str, detail: str = "") -> Fault:
    """A fault of a row, found again by file, line and column."""
    words = detail or reason.replace("-", " ")
    place = f"{file}.csv line {row.line}" + (f", {column}" if column else "")
    return Fault(reason, f"/{file}.csv/{row.line}" + (f"/{column}" if column else ""), f"{place}: {words}")


def _manifest(table: Table) -> dict[str, Processing]:
    said = {row.cells["propertyName"]: row.cells["value"] for row in table.rows if row.broken is None}
    if said.get("oneroster.version") != "1.2" or said.get("manifest.version") != "1.0":
        raise ManifestRefused("manifest.csv: oneroster.version 1.2 and manifest.version 1.0 are read")
    meant: dict[str, Processing] = {}
    for name, value in said.items():
        if name.startswith("file."):
            meant[name.removeprefix("file.")] = _processing(value)
    return meant


def _processing(value: str) -> Processing:
    match value:
        case "bulk" | "delta" | "absent":
            return value
    raise ManifestRefused("manifest.csv: a file is bulk, delta or absent")


def _check_members(meant: Mapping[str, Processing], present: set[str], members: Mapping[str, bytes]) -> None:
    if not all(name.endswith(".csv") for name in members) or not (present | set(meant)) <= FILES:
        raise ManifestRefused("a file that is none of OneRoster's")
    promised = {name for name, processing in meant.items() if processing != "absent"}
    for name in sorted(promised ^ present):
        where = "is not in the package" if name in promised else "is in the package and not in the manifest"
        raise ManifestRefused(f"{name}.csv {where}")


def _table(name: str, raw: bytes) -> Table:
    """Columns are in the fixed order; a district's own come after them, named `metadata.…`."""
    table, wanted = read_table(f"{name}.csv", raw), HEADERS[name]
    if table.columns[: len(wanted)] != wanted:
        wanted = wanted[:-1] if wanted[-1] == OPTIONAL_LAST.get(name) else wanted
    rest = table.columns[len(wanted) :]
    if table.columns[: len(wanted)] != wanted or not all(column.startswith("metadata.") for column in rest):
        raise FileRefused(f"{name}.csv: the columns are not OneRoster 1.2's, in its order")
    return table


def _file(name: str, processing: Processing, table: Table) -> File:
    """The first row of a sourcedId has it, sound or faulty; another with the same one is faulty."""
    rows: dict[str, Row] = {}
    taken: set[str] = set()
    faults: list[RowFault] = []
    for row in table.rows:
        fault = _row_fault(name, row)
        if fault is None and row.cells["sourcedId"] in taken:
            fault = fault_at(name, row, "sourcedId", "duplicate-sourced-id", "an earlier row has it")
        if fault is None:
            rows[row.cells["sourcedId"]] = row
        else:
            faults.append(RowFault(row, fault))
        taken.add(row.cells.get("sourcedId", ""))
    return File(name, processing, rows, tuple(faults))


def _row_fault(name: str, row: Row) -> Fault | None:
    if row.broken is not None:
        return fault_at(name, row, "", row.broken)
    for column, check in CHECKS.get(name, {"sourcedId": CHECKS["results"]["sourcedId"]}).items():
        reason = check(row.cells[column])
        if reason is not None:
            return fault_at(name, row, column, reason)
    return None
