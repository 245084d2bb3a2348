"""Results of a OneRoster package: one document an objective level, faulty rows, and the rows held by them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from services.ingest.domain.claims import Fault, Held, NoClaim
from services.ingest.formats.csv_table import Row
from services.ingest.formats.oneroster import ManifestRefused, Package, RowFault, fault_at, open_package
from services.ingest.formats.oneroster_columns import CASE_URN

RESULTS: Final = "results"
OBJECTIVES: Final = "resultLearningObjectiveIds"
SAID_BY_OBJECTIVES: Final = NoClaim("said-by-its-objectives")


@dataclass(frozen=True, slots=True)
class PackageRow:
    """One row of results or of their objectives; `problem` is None exactly when there is a document to map.

    The document: `result`, `objective`, `lineItem` (columns of the rows, or null), `status` (tobedeleted when
    either row is), `teacher` (sourcedId of the class's primary teacher, or null).
    """

    file: str
    line: int
    sourced_id: str
    document: dict[str, object] | None = None
    problem: Fault | Held | NoClaim | None = None


def read_results(raw: bytes) -> list[PackageRow]:
    """Every row of results.csv and of resultLearningObjectiveIds.csv, each once, in the order of the files."""
    package = open_package(raw)
    if "absent" in (package.file(RESULTS).processing, package.file(OBJECTIVES).processing):
        raise ManifestRefused(f"{RESULTS}.csv and {OBJECTIVES}.csv are wanted")
    results = _Results(package)
    return sorted((*results.of_results(), *results.of_objectives()), key=lambda row: (row.file != RESULTS, row.line))


class _Results:
    """The package's rows with their references resolved."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._results = package.file(RESULTS).rows
        self._teachers = _primary_teachers(package)
        faults = [*package.file(RESULTS).faults, *self._unknown_references()]
        self._faulty_results = faults
        self._faulty = _by_sourced_id(faults)
        self._lost = self._lost_results()

    def of_results(self) -> Iterator[PackageRow]:
        """Results say nothing by themselves; those that cannot be read are faults."""
        for faulty in self._faulty_results:
            yield _problem(RESULTS, faulty.row, faulty.fault)
        for sourced_id, row in self._results.items():
            if sourced_id not in self._faulty:
                yield _problem(RESULTS, row, SAID_BY_OBJECTIVES)

    def of_objectives(self) -> Iterator[PackageRow]:
        """A document, a fault, or held by the faulty result it belongs to."""
        objectives = self._package.file(OBJECTIVES)
        for faulty in objectives.faults:
            yield _problem(OBJECTIVES, faulty.row, faulty.fault)
        for row in objectives.rows.values():
            yield self._objective(row)

    def _objective(self, row: Row) -> PackageRow:
        if row.cells["source"] == "case" and CASE_URN.fullmatch(row.cells["learningObjectiveId"]) is None:
            fault = fault_at(OBJECTIVES, row, "learningObjectiveId", "not-a-case-id", "source case wants urn:uuid:")
            return _problem(OBJECTIVES, row, fault)
        of = row.cells["resultSourcedId"]
        cause = self._faulty.get(of) or self._lost.get(of)
        if cause is not None:
            return _problem(OBJECTIVES, row, Held(cause))
        if of not in self._results:
            return _problem(OBJECTIVES, row, _unknown(OBJECTIVES, row, "resultSourcedId", RESULTS))
        return PackageRow(OBJECTIVES, row.line, row.cells["sourcedId"], self._document(self._results[of], row))

    def _document(self, result: Row, objective: Row) -> dict[str, object]:
        line_item = self._package.file("lineItems").rows.get(result.cells["lineItemSourcedId"])
        gone = "tobedeleted" in (result.cells["status"], objective.cells["status"])
        return {
            "result": result.cells,
            "objective": objective.cells,
            "lineItem": line_item.cells if line_item else None,
            "status": "tobedeleted" if gone else "active",
            "teacher": self._teachers.get(result.cells["classSourcedId"]),
        }

    def _unknown_references(self) -> list[RowFault]:
        """A reference to a row that a complete file of the package does not have."""
        found = []
        for row in self._results.values():
            for column, file in (("lineItemSourcedId", "lineItems"), ("studentSourcedId", "users")):
                there = self._package.file(file)
                if there.complete and row.cells[column] not in there.rows:
                    found.append(RowFault(row, _unknown(RESULTS, row, column, file)))
                    break
        return found

    def _lost_results(self) -> Mapping[str, Fault]:
        """Results whose own row has another's sourcedId, or none, so that no row seems to be theirs.

        The row is of some line item; the result whose orphaned objectives are exactly that line item's is taken
        to be it. Its objectives are only held for it, never counted, so a wrong guess costs nothing.
        """
        wanted = {objectives: fault for fault, objectives in self._nameless()}
        orphans: dict[str, set[str]] = {}
        for row in self._package.file(OBJECTIVES).rows.values():
            if row.cells["resultSourcedId"] not in self._results:
                orphans.setdefault(row.cells["resultSourcedId"], set()).add(row.cells["learningObjectiveId"])
        return {of: wanted[frozenset(ids)] for of, ids in orphans.items() if frozenset(ids) in wanted}

    def _nameless(self) -> Iterator[tuple[Fault, frozenset[str]]]:
        aligned: dict[str, set[str]] = {}
        for row in self._package.file("lineItemLearningObjectiveIds").rows.values():
            aligned.setdefault(row.cells["lineItemSourcedId"], set()).add(row.cells["learningObjectiveId"])
        for faulty in self._package.file(RESULTS).faults:
            if faulty.fault.pointer.endswith("/sourcedId"):
                yield faulty.fault, frozenset(aligned.get(faulty.row.cells["lineItemSourcedId"], {""}))


def _by_sourced_id(faults: list[RowFault]) -> dict[str, Fault]:
    """Which results are faulty; a row that only repeats another's id says nothing against that other."""
    return {
        faulty.row.cells["sourcedId"]: faulty.fault
        for faulty in faults
        if faulty.fault.reason != "duplicate-sourced-id" and faulty.row.cells.get("sourcedId")
    }


def _primary_teachers(package: Package) -> dict[str, str]:
    return {
        row.cells["classSourcedId"]: row.cells["userSourcedId"]
        for row in package.file("enrollments").rows.values()
        if row.cells["role"] == "teacher" and row.cells["primary"] == "true"
    }


def _unknown(file: str, row: Row, column: str, other: str) -> Fault:
    return fault_at(file, row, column, "unknown-reference", f"{other}.csv has no such row")


def _problem(file: str, row: Row, problem: Fault | Held | NoClaim) -> PackageRow:
    return PackageRow(file, row.line, row.cells.get("sourcedId", ""), problem=problem)
