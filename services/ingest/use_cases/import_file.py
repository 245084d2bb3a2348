"""Files are settled row by row after their 202; a kill at any instant repeats nothing and loses nothing."""

import threading
from dataclasses import replace
from datetime import datetime
from itertools import islice
from uuid import UUID

from services.ingest.formats.file_formats import NoFileFormat, file_format
from services.ingest.formats.rows import Rows
from services.ingest.storage import imports, inbox
from services.ingest.storage.imports import Import
from services.ingest.storage.inbox import Receipt
from services.ingest.use_cases.file_rows import RowReading, sent_to
from services.ingest.use_cases.file_worker import FileWorker
from services.ingest.use_cases.group_commit import GroupCommit
from services.ingest.use_cases.package_import import PackageImporter
from services.ingest.use_cases.package_preview import Preview
from services.ingest.use_cases.register import Source, Sources
from services.ingest.use_cases.settle import Settle
from services.ingest.use_cases.settle_rows import SettleRows
from services.ingest.use_cases.tags import TagBook
from services.ingest.use_cases.upload import Opens, opener, whole
from services.runtime.keys import KeyStore
from services.runtime.store.database import Database
from services.runtime.telemetry import get_logger

log = get_logger(__name__)

ONEROSTER = "oneroster"  # says something by what it does not hold too


class Importer(FileWorker):
    """The worker that settles files of evidence."""

    name, rosters = "importer", False

    def __init__(
        self,
        database: Database,
        keys: KeyStore,
        sources: Sources,
        tags: TagBook,
        commits: GroupCommit,
        settle: Settle,
        packages: PackageImporter,
        rows_max: int,
    ) -> None:
        super().__init__(database, commits)
        self._keys, self._sources, self._tags = keys, sources, tags
        self._settle, self._packages, self._rows_max = settle, packages, rows_max

    def pending(self) -> int:
        """How many files are not settled yet."""
        with self._database.read() as cursor:
            return imports.count_waiting(cursor)

    def settle(self, progress: Import, stop: threading.Event) -> None:
        """Read the file again and settle what was not settled yet."""
        reading, receipt, opens = self._opened(progress)
        mapping = reading.mapping
        if mapping.document.format == ONEROSTER:
            self._packages.settle(progress, receipt, reading, whole(opens), stop)
            return
        rows = file_format(mapping.document.format).rows(sent_to(mapping, opens, progress.charset))
        self._settle_all(reading, receipt.id, progress, rows, stop)

    def preview(self, source: Source, raw: bytes, at: datetime) -> Preview:
        """What a package would do if it came now."""
        mapping = source.reader()
        if mapping.document.format != ONEROSTER:
            raise NoFileFormat("only packages are compared with what was sent before")
        return self._packages.preview(RowReading(source, mapping, self._tags.of(source.row.tenant), at), raw)

    def preview_of(self, progress: Import) -> Preview:
        """What a package that was taken would do if it were settled now."""
        reading, _, opens = self._opened(progress)
        return self._packages.preview(reading, whole(opens))

    def _opened(self, progress: Import) -> tuple[RowReading, Receipt, Opens]:
        with self._database.read() as cursor:
            receipt = inbox.receipt_by(cursor, "seq", progress.receipt)
            sealed = inbox.sealed_submission(cursor, progress.receipt)
        assert receipt is not None, "a file is taken with its receipt"
        assert sealed is not None, "and kept until it is settled"
        raw = self._keys.submission_key(progress.tenant, receipt.id).open(sealed, receipt.id.bytes)
        source = self._sources.get(progress.source)
        mapping = self._sources.mapping(source, progress.mapping)
        opens = opener(self._database, raw, progress.upload)
        return RowReading(source, mapping, self._tags.of(progress.tenant), receipt.received_at), receipt, opens

    def _settle_all(
        self, reading: RowReading, receipt: UUID, progress: Import, rows: Rows, stop: threading.Event
    ) -> None:
        """From the row reached; each transaction takes the next few."""
        origin, waiting = reading.origin(), islice(rows, progress.next_row, None)
        while not stop.is_set():
            items = [reading.item(origin, row) for row in islice(waiting, self._rows_max)]
            self._commits.check()
            work = SettleRows(origin, receipt, reading.received_at, progress, items, rows.total, self._settle)
            reached = self._commits.do(work)
            if reached == rows.total:
                log.info("file settled", source=progress.source, count=reached)
                return
            progress = replace(progress, next_row=reached, rows_total=rows.total, state="running")
