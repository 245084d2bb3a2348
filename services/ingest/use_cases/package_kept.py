"""What earlier packages of a source said: rows are found by the book and read where they stand."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from services.ingest.formats.oneroster import open_package
from services.ingest.formats.oneroster_results import TEACHERS, Cells, Named
from services.ingest.storage import imports, inbox, packages
from services.ingest.storage.packages import Said
from services.ingest.use_cases.tags import Tags
from services.ingest.use_cases.upload import opener, whole
from services.runtime.keys import KeyDestroyed, KeyStore, KeyUnknown
from services.runtime.store.database import Database

MEMBERS = {TEACHERS: "enrollments"}


class KeptRows:
    """One source's; a package that is no longer kept says nothing."""

    def __init__(self, database: Database, keys: KeyStore, tags: Tags, source: str) -> None:
        self._database, self._keys, self._tags, self._source = database, keys, tags, source

    def __call__(self, wanted: Iterable[Named]) -> Mapping[Named, Cells]:
        """Those of the rows that are in force."""
        by_file: dict[str, dict[bytes, Named]] = {}
        for file, sourced_id in wanted:
            by_file.setdefault(file, {})[self._tags.row(self._source, file, sourced_id)] = (file, sourced_id)
        found: dict[Named, Cells] = {}
        for file, named in by_file.items():
            with self._database.read() as cursor:
                said = packages.rows_by_tag(cursor, self._source, file, named)
            standing = [each for each in said.values() if not each.gone]
            found |= {named[tag]: cells for tag, cells in self.read(file, standing).items()}
        return found

    def read(self, file: str, rows: Sequence[Said]) -> dict[bytes, Cells]:
        """Their cells, by tag; each package is opened once."""
        by_receipt = sorted(rows, key=lambda said: said.receipt)
        return {
            tag: cells
            for receipt, standing in groupby(by_receipt, key=lambda said: said.receipt)
            for tag, cells in self._in_package(MEMBERS.get(file, file), receipt, list(standing))
        }

    def _in_package(self, member: str, receipt: int, standing: list[Said]) -> Iterator[tuple[bytes, Cells]]:
        raw = self._opened(receipt)
        if raw is None:
            return
        by_line = {row.line: row.cells for row in open_package(raw).file(member).rows.values()}
        yield from ((said.tag, by_line[said.line]) for said in standing)

    def _opened(self, seq: int) -> bytes | None:
        with self._database.read() as cursor:
            receipt, sealed = inbox.receipt_by(cursor, "seq", seq), inbox.sealed_submission(cursor, seq)
            begun = imports.import_of_receipt(cursor, seq)
        assert receipt is not None, "a row came with a receipt"
        assert begun is not None, "in a package that was imported"
        try:
            key = self._keys.submission_key(self._tags.tenant, receipt.id)
        except (KeyDestroyed, KeyUnknown):
            return None
        if sealed is None:
            return None
        return whole(opener(self._database, key.open(sealed, receipt.id.bytes), begun.upload))
