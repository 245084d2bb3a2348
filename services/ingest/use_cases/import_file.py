"""Files: taken whole and durably, then settled row by row; a kill at any instant repeats and loses nothing."""

import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from services.ingest.domain.claims import Fault
from services.ingest.formats.oneroster_results import PackageRow, read_results
from services.ingest.formats.zip_package import PackageRefused
from services.ingest.mappings.compiled import CompiledMapping
from services.ingest.storage import imports, inbox
from services.ingest.storage.imports import Import
from services.ingest.use_cases.group import Draft, Group
from services.ingest.use_cases.group_commit import GroupCommit, NotDurable, TooBusy
from services.ingest.use_cases.register import Source, Sources
from services.ingest.use_cases.settle import Item, Origin, Place, Settle, item_of
from services.ingest.use_cases.tags import TagBook, Tags
from services.ingest.use_cases.take import Conflicting, MessageConflict, open_receipt, tags_of
from services.runtime.keys import KeyStore
from services.runtime.store.sqlite import Database
from services.runtime.telemetry import get_logger

log = get_logger(__name__)

LOOK_S = 0.2
PAUSE_S = 0.5
DOOR = "file"


@dataclass(frozen=True, slots=True)
class FileTaken:
    """The import of a file, and its receipt."""

    import_id: UUID
    receipt: UUID
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class TakeFile:
    """Work: a file, not yet looked into beyond its first bytes. With a message key a repeat finds the first import."""

    alone: ClassVar[bool] = False
    items: ClassVar[int] = 1
    origin: Origin
    mapping: int
    raw: bytes
    content: bytes
    message: bytes | None

    def ask(self, group: Group) -> None:
        """Was it sent before?"""
        if self.message is not None:
            group.load((), {self.message})

    def decide(self, draft: Draft) -> FileTaken | Conflicting:
        """A receipt now; outcomes as its rows are settled."""
        known = draft.message(self.message) if self.message is not None else None
        if known is not None:
            return self._again(draft, known)
        seq, receipt = open_receipt(draft, self.origin, self.content, self.raw)
        if self.message is not None:
            draft.writes.add(inbox.PUT_MESSAGE, (self.message, seq, self.content))
            draft.known.messages[self.message] = inbox.Message(seq, self.content, receipt)
        row = (receipt.bytes, self.origin.tenant, self.origin.source, seq, self.mapping)
        draft.writes.add(imports.PUT_IMPORT, row)
        return FileTaken(receipt, receipt)

    def _again(self, draft: Draft, known: inbox.Message) -> FileTaken | Conflicting:
        if known.content != self.content:
            return Conflicting()
        return FileTaken(known.receipt_id, known.receipt_id, repeated=True)


@dataclass(frozen=True, slots=True)
class SettleRows:
    """Work: the next rows of a file, and how far it has come, in one transaction."""

    alone: ClassVar[bool] = False
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
        """What the rows name."""
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
        rows_max: int,
    ) -> None:
        self._database, self._keys, self._sources, self._tags = database, keys, sources, tags
        self._commits, self._settle, self._rows_max = commits, settle, rows_max
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
            with self._database.read() as cursor:
                waiting = imports.next_import(cursor)
            if waiting is None:
                self._news.wait(LOOK_S)
                self._news.clear()
                continue
            self._try(waiting, stop)

    def _try(self, waiting: Import, stop: threading.Event) -> None:
        """A store in trouble is tried again; a file that cannot be settled says so and lets the next one through."""
        try:
            self.settle(waiting, stop)
        except (NotDurable, TooBusy, sqlite3.Error):
            stop.wait(PAUSE_S)
        except Exception as fault:
            log.fault("file not settled", fault, source=waiting.source)
            self._commits.do(RefuseFile(waiting, type(fault).__name__))

    def settle(self, progress: Import, stop: threading.Event) -> None:
        """Read the file again and settle what was not settled yet."""
        with self._database.read() as cursor:
            receipt = inbox.receipt_by(cursor, "seq", progress.receipt)
            sealed = inbox.sealed_submission(cursor, progress.receipt)
        assert receipt is not None, "a file is taken with its receipt"
        assert sealed is not None, "and kept until it is settled"
        raw = self._keys.submission_key(progress.tenant, receipt.id).open(sealed, receipt.id.bytes)
        source = self._sources.get(progress.source)
        mapping = self._sources.mapping(source, progress.mapping)
        try:
            rows = read_results(raw)
        except PackageRefused as refused:
            self._commits.do(RefuseFile(progress, refused.detail))
            return
        reading = RowReading(source, mapping, self._tags.of(progress.tenant), receipt.received_at)
        self._settle_all(reading, receipt.id, progress, rows, stop)

    def _settle_all(
        self, reading: "RowReading", receipt: UUID, progress: Import, rows: list[PackageRow], stop: threading.Event
    ) -> None:
        origin = reading.origin()
        while not stop.is_set():
            chunk = rows[progress.next_row : progress.next_row + self._rows_max]
            items = [reading.item(origin, row) for row in chunk]
            work = SettleRows(origin, receipt, reading.received_at, progress, items, len(rows), self._settle)
            reached = self._commits.do(work)
            if reached == len(rows):
                log.info("file settled", source=progress.source, count=len(rows))
                return
            progress = _moved(progress, reached)


def _moved(progress: Import, reached: int) -> Import:
    said = (progress.id, progress.tenant, progress.source, progress.receipt, progress.mapping)
    return Import(*said, reached, progress.rows_total, "running", None)


@dataclass(frozen=True, slots=True)
class RowReading:
    """Reads rows by the mapping the import began with."""

    source: Source
    mapping: CompiledMapping
    tags: Tags
    received_at: datetime

    def origin(self) -> Origin:
        row = self.source.row
        return Origin(row.tenant, row.id, row.organisation, DOOR, self.mapping.label, self.mapping.on_change)

    def item(self, origin: Origin, row: PackageRow) -> Item:
        if row.problem is not None:
            return item_of(row.problem, self.tags, origin, row.line)
        readings = self.mapping.read(row.document, source=self.source.facts, received_at=self.received_at)
        reading = readings[0] if len(readings) == 1 else Fault("several-claims-in-a-row", "", "a row says one thing")
        return item_of(reading, self.tags, origin, row.line)


def answered(taken: FileTaken | Conflicting) -> FileTaken:
    """The import, or the refusal of other content under a key used before."""
    if isinstance(taken, Conflicting):
        raise MessageConflict
    return taken
