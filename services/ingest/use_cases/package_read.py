"""A package as it is settled: its rows with their places in the book, and what it says by what it does not hold."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

import orjson

from services.ingest.domain.claims import Fault, Overtaken, Withdrawal
from services.ingest.domain.removals import Comparison
from services.ingest.formats.oneroster_results import (
    OBJECTIVES,
    RESULTS,
    Cells,
    PackageRow,
    ResultsPackage,
)
from services.ingest.formats.rows import FileRow
from services.ingest.storage import packages
from services.ingest.storage.packages import Said
from services.ingest.use_cases.file_rows import RowReading
from services.ingest.use_cases.package_kept import KeptRows
from services.ingest.use_cases.package_rows import PackageItem
from services.ingest.use_cases.settle import Item, Origin
from services.runtime.store.database import Cursor

NOT_KEPT = Fault("row-not-kept", "", "the package it came in is no longer kept; it has to be sent again")
UNSAID = frozenset({"status", "dateLastModified"})


@dataclass(frozen=True, slots=True)
class Implied:
    """What follows for rows that the package does not hold, in the order of their tags.

    `missing` from complete files; `deleted` with their results; `followed`: they stand, and their results changed.
    """

    missing: list[Said] = field(default_factory=list)
    deleted: list[Said] = field(default_factory=list)
    followed: list[Said] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PackageReading:
    """Reads one package of a source, received as `receipt`."""

    reading: RowReading
    package: ResultsPackage
    kept: KeptRows
    receipt: int

    @property
    def source(self) -> str:
        return self.reading.source.row.id

    def items(self, origin: Origin, first: int) -> Iterator[PackageItem]:
        """The package's own rows from one on."""
        return (self._item(origin, row) for row in self.package.rows[first:])

    def _item(self, origin: Origin, row: PackageRow) -> PackageItem:
        item = self.reading.item(origin, FileRow(row.line, row.document, row.problem))
        if row.result is None and not row.gone:
            return PackageItem(item)
        tag, parent, content = self._tag(row.file, row.sourced_id), None, b""
        if row.result is not None:
            content = self._content(row.result)
            parent = self._tag(RESULTS, row.result["sourcedId"]) if row.file == OBJECTIVES else None
        said = Said(tag, parent, self.receipt, row.line, self.receipt, content, None, row.gone)
        return PackageItem(item, row.file, said)

    def standing(self) -> list[tuple[str, Said]]:
        """Line items and teachers, for packages to come."""
        return [
            (file, Said(self._tag(file, name), None, self.receipt, line, self.receipt, b"", None))
            for (file, name), line in self.package.standing
        ]

    def compare(self, cursor: Cursor) -> Comparison:
        """With what the source's packages said before, as far as it counts."""
        missing = sum(1 for said in self.implied(cursor).missing if said.record is not None)
        counted = 0
        if self.package.complete:
            before = packages.in_force(cursor, self.source, OBJECTIVES, self.receipt)
            counted = sum(1 for said in before if said.record is not None)
        return Comparison(missing, counted, self.package.nameless)

    def implied(self, cursor: Cursor) -> Implied:
        """What is left to be done about rows that are not in the package; nothing that was done already."""
        results = {self._tag(RESULTS, row.sourced_id): row for row in self.package.results()}
        complete, own = self.package.complete, self._present(OBJECTIVES)
        if complete:
            before = packages.in_force(cursor, self.source, OBJECTIVES, self.receipt)
        else:
            before = packages.children_of(cursor, self.source, OBJECTIVES, results, self.receipt)
        there, found = self._present(RESULTS), Implied()
        for said in before:
            result = results.get(said.parent or b"")
            if said.tag in own:
                continue
            if result is not None and result.gone:
                found.deleted.append(said)
            elif OBJECTIVES in complete or (RESULTS in complete and said.parent not in there):
                found.missing.append(said)
            elif result is not None and result.result is not None and self._content(result.result) != said.content:
                found.followed.append(said)
        return found

    def implied_items(self, origin: Origin, cursor: Cursor) -> list[PackageItem]:
        """As items of their own, after the package's rows; what never counted needs none."""
        found = self.implied(cursor)
        removed = [said for said in chain(found.missing, found.deleted) if said.record is not None]
        return [*map(self._removed, removed), *self._followed(origin, found.followed)]

    def book_only(self, cursor: Cursor) -> list[tuple[str, Said]]:
        """Rows that are gone and never counted; results among them: later packages cannot refer to them."""
        found = self.implied(cursor)
        gone = [(OBJECTIVES, said) for said in chain(found.missing, found.deleted) if said.record is None]
        if RESULTS in self.package.complete:
            there = self._present(RESULTS)
            before = packages.in_force(cursor, self.source, RESULTS, self.receipt)
            gone += [(RESULTS, said) for said in before if said.tag not in there]
        return [(file, self._gone(said)) for file, said in gone]

    def _removed(self, said: Said) -> PackageItem:
        return PackageItem(Item(Withdrawal("")), OBJECTIVES, self._gone(said))

    def _gone(self, said: Said) -> Said:
        place = (said.parent, said.receipt, said.line, self.receipt)
        return Said(said.tag, *place, said.content, None, gone=True)

    def _followed(self, origin: Origin, rows: list[Said]) -> Iterator[PackageItem]:
        results = {self._tag(RESULTS, row.sourced_id): row.result for row in self.package.results()}
        cells = self.kept.read(OBJECTIVES, rows) if rows else {}
        documents = self._documents({said.tag: results[said.parent or b""] for said in rows}, cells)
        for said in rows:
            document, result = documents.get(said.tag), results[said.parent or b""]
            assert result is not None, "what follows a result follows a sound one"
            row = FileRow(None, document, None if document else NOT_KEPT)
            item = self.reading.item(origin, row)
            now = Said(said.tag, said.parent, said.receipt, said.line, self.receipt, self._content(result), None)
            yield PackageItem(item, OBJECTIVES, now)

    def _documents(
        self, results: Mapping[bytes, Cells | None], cells: Mapping[bytes, Cells]
    ) -> dict[bytes, dict[str, object]]:
        return {
            tag: self.package.join(result, cells[tag])
            for tag, result in results.items()
            if result is not None and tag in cells
        }

    def again(self, origin: Origin, number: int, line: int | None, cursor: Cursor) -> Item | None:
        """One of its rows as it reads now; None for what followed from it. Overtaken by a later package, it is over."""
        if number >= len(self.package.rows):
            return None
        row = self._item(origin, self.package.rows[number])
        if row.said is None:
            return row.item
        now = packages.rows_by_tag(cursor, self.source, row.file, [row.said.tag]).get(row.said.tag)
        return Item(Overtaken(), line) if now and (now.gone or now.receipt > self.receipt) else row.item

    def place(self, number: int) -> tuple[str, str, bytes]:
        """Where the book has the row."""
        row = self.package.rows[number]
        return self.source, row.file, self._tag(row.file, row.sourced_id)

    def _present(self, file: str) -> set[bytes]:
        return {self._tag(file, sourced_id) for sourced_id in self.package.present[file]}

    def _tag(self, file: str, sourced_id: str) -> bytes:
        return self.reading.tags.row(self.source, file, sourced_id)

    def _content(self, cells: Cells) -> bytes:
        said = {name: cell for name, cell in cells.items() if name not in UNSAID}
        return self.reading.tags.content(orjson.dumps(said, option=orjson.OPT_SORT_KEYS))
