"""Files are settled row by row after their 202; a kill at any instant repeats nothing and loses nothing."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import ClassVar
from uuid import UUID

from services.ingest.formats.file_formats import NoFileFormat, file_format
from services.ingest.formats.rows import Rows
from services.ingest.formats.zip_package import PackageRefused
from services.ingest.storage import imports, inbox
from services.ingest.storage.imports import Import
from services.ingest.storage.inbox import Receipt
from services.ingest.use_cases.file_rows import RowReading, sent_to
from services.ingest.use_cases.group import Draft, Group
from services.ingest.use_cases.group_commit import GroupCommit, NotDurable, TooBusy
from services.ingest.use_cases.package_import import PackageImporter
from services.ingest.use_cases.package_preview import Preview
from services.ingest.use_cases.register import Source, Sources
from services.ingest.use_cases.settle import Item, Origin, Place, Settle
from services.ingest.use_cases.tags import TagBook
from services.ingest.use_cases.take import tags_of
from services.ingest.use_cases.upload import Opens, opener, whole
from services.runtime.keys import KeyStore
from services.runtime.refusals import Refusal
from services.runtime.store.database import Database, StoreError
from services.runtime.telemetry import get_logger

log = get_logger(__name__)

ONEROSTER = "oneroster"  # says something by what it does not hold too
LOOK_S = 0.2
PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class SettleRows:
    """Work: the next rows of a file, and how far it has come, in one transaction."""

    alone: ClassVar[bool] = False
    behind: ClassVar[bool] = True
    origin: Origin
    receipt: UUID
    received_at: datetime
    progress: Import
    rows: Sequence[Item]
    rows_total: int
    settle: Settle

    @property
    def items(self) -> int:
        return len(self.rows)

    def ask(self, group: Group) -> None:
        """What the rows name; another process may have settled them meanwhile."""
        found = imports.import_by_id(group.cursor, self.progress.id)
        if found is None or found.next_row != self.progress.next_row:
            raise SettledElsewhere
        records, learners = tags_of(self.rows)
        group.load(records, (), learners)

    def decide(self, draft: Draft) -> int:
        """The row to go on from."""
        first = self.progress.next_row
        for number, item in enumerate(self.rows, first):
            place = Place(self.progress.receipt, self.receipt, number, self.received_at)
            self.settle(draft, self.origin, place, item)
        reached = first + len(self.rows)
        state = "done" if reached == self.rows_total else "running"
        draft.writes.add(imports.MOVE_IMPORT, (reached, self.rows_total, state, self.progress.id.bytes))
        return reached


@dataclass(frozen=True, slots=True)
class RefuseFile:
    """Work: the file cannot be read at all."""

    alone: ClassVar[bool] = False
    items: ClassVar[int] = 1
    progress: Import
    fault: str

    def ask(self, group: Group) -> None:
        """Nothing is looked up."""

    def decide(self, draft: Draft) -> None:
        """Say why."""
        draft.writes.add(imports.REFUSE_IMPORT, (self.fault, self.progress.id.bytes))


class SettledElsewhere(Refusal):
    """Another process settles this file and is further on."""

    status: ClassVar[int] = 409


TRY_AGAIN = (NotDurable, TooBusy, SettledElsewhere, StoreError)


class Importer:
    """The worker that settles files, the oldest first, from wherever it had come."""

    name = "importer"

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
        self._database, self._keys, self._sources, self._tags = database, keys, sources, tags
        self._commits, self._settle, self._packages, self._rows_max = commits, settle, packages, rows_max
        self._news = threading.Event()

    def wake(self) -> None:
        """A file was taken."""
        self._news.set()

    def pending(self) -> int:
        """How many files are not settled yet."""
        with self._database.read() as cursor:
            return imports.count_waiting(cursor)

    def run(self, stop: threading.Event) -> None:
        """Until told to stop; the rest is settled after the next start."""
        while not stop.is_set():
            try:
                settled = self._step(stop)
            except TRY_AGAIN:
                stop.wait(PAUSE_S)
                continue
            if not settled:
                self._news.wait(LOOK_S)
                self._news.clear()

    def _step(self, stop: threading.Event) -> bool:
        """The next file, when there is one; a file that cannot be settled says so and lets the next one through."""
        with self._database.read() as cursor:
            waiting = imports.next_import(cursor)
        if waiting is not None:
            self._try(waiting, stop)
        return waiting is not None

    def _try(self, waiting: Import, stop: threading.Event) -> None:
        try:
            self.settle(waiting, stop)
        except TRY_AGAIN:
            raise
        except Exception as fault:
            log.fault("file not settled", fault, source=waiting.source)
            self._commits.do(RefuseFile(waiting, type(fault).__name__))

    def settle(self, progress: Import, stop: threading.Event) -> None:
        """Read the file again and settle what was not settled yet."""
        reading, receipt, opens = self._opened(progress)
        mapping = reading.mapping
        try:
            if mapping.document.format == ONEROSTER:
                self._packages.settle(progress, receipt, reading, whole(opens), stop)
                return
            rows = file_format(mapping.document.format).rows(sent_to(mapping, opens, progress.charset))
        except PackageRefused as refused:
            self._commits.do(RefuseFile(progress, refused.detail or type(refused).__name__))
            return
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
