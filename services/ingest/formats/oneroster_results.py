"""Results of a OneRoster package: one document an objective level, faulty rows, and the rows held by them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from services.ingest.domain.claims import Fault, Held, NoClaim
from services.ingest.formats.csv_table import Row
from services.ingest.formats.oneroster import File, ManifestRefused, Package, RowFault, fault_at, open_package
from services.ingest.formats.oneroster_columns import CASE_URN

RESULTS: Final = "results"
OBJECTIVES: Final = "resultLearningObjectiveIds"
LINE_ITEMS: Final = "lineItems"
TEACHERS: Final = "teachers"  # the primary teacher's enrolment, by class
SAID_BY_OBJECTIVES: Final = NoClaim("said-by-its-objectives")
DELETED: Final = "tobedeleted"

Cells = Mapping[str, str]
Named = tuple[str, str]  # file and sourcedId (of a teacher: the class)
Kept = Callable[[Iterable[Named]], Mapping[Named, Cells]]  # what earlier packages of the source said of these


def nothing_kept(_: Iterable[Named]) -> Mapping[Named, Cells]:
    """As for the first package of a source."""
    return {}


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
    result: Cells | None = field(default=None, repr=False)  # the sound result that the row is, or that it belongs to
    gone: bool = False  # it, or its result, is to be deleted


@dataclass(frozen=True, slots=True)
class ResultsPackage:
    """The rows in the order of the files, and what the package says by what it does not hold.

    `present` are the sourcedIds of a file, also those of faulty rows. A `complete` file is bulk: what is missing
    from it is gone, unless it has `nameless` rows, which may be what seems to be missing.
    """

    rows: list[PackageRow]
    present: Mapping[str, frozenset[str]]
    complete: frozenset[str]
    nameless: bool
    standing: list[tuple[Named, int]]  # line items and teachers that later packages may refer to, and their lines
    join: Callable[[Cells, Cells], dict[str, object]]  # the document of a result and an objective

    def results(self) -> Iterator[PackageRow]:
        """The sound rows of results.csv."""
        return (row for row in self.rows if row.file == RESULTS and row.result is not None)


def read_results(raw: bytes, kept: Kept = nothing_kept) -> list[PackageRow]:
    """Every row of results.csv and of resultLearningObjectiveIds.csv, each once, in the order of the files."""
    return open_results(raw, kept).rows


def open_results(raw: bytes, kept: Kept = nothing_kept) -> ResultsPackage:
    """The package with its references resolved, those that lead out of a delta by what is kept."""
    package = open_package(raw)
    files = [package.file(name) for name in (RESULTS, OBJECTIVES)]
    if "absent" in [file.processing for file in files]:
        raise ManifestRefused(f"{RESULTS}.csv and {OBJECTIVES}.csv are wanted")
    results = _Results(package, kept)
    rows = sorted((*results.of_results(), *results.of_objectives()), key=lambda row: (row.file != RESULTS, row.line))
    return ResultsPackage(
        rows,
        {file.name: frozenset((*file.rows, *_named_faulty(file))) for file in files},
        frozenset(file.name for file in files if file.complete),
        any(file.complete and any(is_nameless(faulty) for faulty in file.faults) for file in files),
        list(results.standing()),
        results.document,
    )


class _Results:
    """The package's rows with their references resolved."""

    def __init__(self, package: Package, kept: Kept) -> None:
        self._package = package
        self._results = package.file(RESULTS).rows
        self._teachers = _primary_teachers(package)
        self._kept = _kept_for(package, self._teachers, kept)
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
                gone = row.cells["status"] == DELETED
                yield PackageRow(RESULTS, row.line, sourced_id, None, SAID_BY_OBJECTIVES, row.cells, gone)

    def standing(self) -> Iterator[tuple[Named, int]]:
        """What a result of a later package may refer to."""
        for sourced_id, row in self._package.file(LINE_ITEMS).rows.items():
            yield (LINE_ITEMS, sourced_id), row.line
        for class_, row in self._teachers.items():
            yield (TEACHERS, class_), row.line

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
        cause, result = self._faulty.get(of) or self._lost.get(of), self._cells(RESULTS, of)
        if row.cells["status"] == DELETED and (cause is not None or result is None):  # it needs no result for that
            return PackageRow(OBJECTIVES, row.line, row.cells["sourcedId"], None, NoClaim("deleted"), None, gone=True)
        if cause is not None:
            return _problem(OBJECTIVES, row, Held(cause))
        if result is None:
            return _problem(OBJECTIVES, row, _unknown(OBJECTIVES, row, "resultSourcedId", RESULTS))
        gone = DELETED in (result["status"], row.cells["status"])
        document = self.document(result, row.cells)
        return PackageRow(OBJECTIVES, row.line, row.cells["sourcedId"], document, None, result, gone)

    def document(self, result: Cells, objective: Cells) -> dict[str, object]:
        """What the mapping reads."""
        gone = DELETED in (result["status"], objective["status"])
        teacher = self._teachers.get(result["classSourcedId"])
        enrolled = teacher.cells if teacher else self._kept.get((TEACHERS, result["classSourcedId"]))
        return {
            "result": result,
            "objective": objective,
            "lineItem": self._cells(LINE_ITEMS, result["lineItemSourcedId"]),
            "status": DELETED if gone else "active",
            "teacher": enrolled["userSourcedId"] if enrolled else None,
        }

    def _cells(self, file: str, sourced_id: str) -> Cells | None:
        row = self._package.file(file).rows.get(sourced_id)
        return row.cells if row else self._kept.get((file, sourced_id))

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
            if self._cells(RESULTS, row.cells["resultSourcedId"]) is None:
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


def _primary_teachers(package: Package) -> dict[str, Row]:
    return {
        row.cells["classSourcedId"]: row
        for row in package.file("enrollments").rows.values()
        if row.cells["role"] == "teacher" and row.cells["primary"] == "true"
    }


def _kept_for(package: Package, teachers: Mapping[str, Row], kept: Kept) -> dict[Named, Cells]:
    """What the package refers to and does not hold; what a complete file lacks does not exist."""
    results = package.file(RESULTS)
    wanted: set[Named] = set()
    if not results.complete:
        named = {row.cells["resultSourcedId"] for row in package.file(OBJECTIVES).rows.values()}
        wanted = {(RESULTS, of) for of in named - results.rows.keys()}
    found = dict(kept(wanted))
    beyond: set[Named] = set()
    for cells in (*(row.cells for row in results.rows.values()), *found.values()):
        beyond.add((LINE_ITEMS, cells["lineItemSourcedId"]))
        beyond.add((TEACHERS, cells["classSourcedId"]))
    holds = {LINE_ITEMS: package.file(LINE_ITEMS), TEACHERS: package.file("enrollments")}
    have: Mapping[str, Mapping[str, Row]] = {LINE_ITEMS: holds[LINE_ITEMS].rows, TEACHERS: teachers}
    open_ended = {each for each in beyond if not holds[each[0]].complete and each[1] not in have[each[0]]}
    return found | dict(kept(open_ended))


def _named_faulty(file: File) -> Iterator[str]:
    return (faulty.row.cells["sourcedId"] for faulty in file.faults if faulty.row.cells.get("sourcedId"))


def is_nameless(faulty: RowFault) -> bool:
    """Which row it is cannot be told: it may be one that seems to be missing."""
    return not faulty.row.cells.get("sourcedId") or faulty.fault.pointer.endswith("/sourcedId")


def _unknown(file: str, row: Row, column: str, other: str) -> Fault:
    return fault_at(file, row, column, "unknown-reference", f"{other}.csv has no such row")


def _problem(file: str, row: Row, problem: Fault | Held | NoClaim) -> PackageRow:
    return PackageRow(file, row.line, row.cells.get("sourcedId", ""), problem=problem)
