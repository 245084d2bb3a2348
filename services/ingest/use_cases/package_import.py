"""Packages are settled in the order of their arrival; one that would remove a lot waits for a person first."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, ClassVar
from uuid import UUID

from services.ingest.domain.claims import NoClaim, Overtaken
from services.ingest.domain.removals import Comparison, Removals, doubt
from services.ingest.formats.oneroster_results import OBJECTIVES, RESULTS, open_results
from services.ingest.storage import packages, verdicts
from services.ingest.storage.imports import Import
from services.ingest.storage.inbox import Receipt
from services.ingest.storage.packages import Said
from services.ingest.use_cases.file_rows import RowReading
from services.ingest.use_cases.group import Draft, Group
from services.ingest.use_cases.package_kept import KeptRows
from services.ingest.use_cases.package_preview import PAPER, Preview, preview
from services.ingest.use_cases.package_read import PackageReading
from services.ingest.use_cases.package_rows import PackageItem, Settled, SettlePackageRows
from services.ingest.use_cases.settle import Item, Settle
from services.runtime.clock import to_micros
from services.runtime.keys import KeyStore
from services.runtime.store.database import Database
from services.runtime.telemetry import get_logger

log = get_logger(__name__)

CONFIRMED, REJECTED, REPLACED = "confirmed", "rejected", "replaced"
UNWANTED = NoClaim("package-rejected")


@dataclass(frozen=True, slots=True)
class BeginPackage:
    """Work: may the package be settled now? Nothing of it is, before this says so.

    One behind a package that waits for a person waits too: a source's packages take effect in the order of their
    arrival. A complete one says all there is to say, so what waits before it is replaced by it.
    """

    alone: ClassVar[bool] = True
    items: ClassVar[int] = 1
    progress: Import
    found: Comparison
    reason: str | None
    complete: bool
    standing: Sequence[tuple[str, Said]]

    def ask(self, group: Group) -> None:
        """What waits is read when it is decided."""

    def decide(self, draft: Draft) -> bool:
        """True when its rows may be settled."""
        import_id, source = self.progress.id, self.progress.source
        earlier = verdicts.undecided(draft.group.cursor, source, self.progress.receipt)
        plan = (import_id.bytes, self.found.missing, self.found.compared, self.reason)
        draft.writes.add(verdicts.PUT_PLAN, plan)
        state = "behind" if earlier and not self.complete else "needs-confirmation" if self.reason else "running"
        draft.writes.add(verdicts.SET_STATE, (state, import_id.bytes))
        if state != "running":
            return False
        at = to_micros(draft.group.now)
        for each in earlier:
            draft.writes.add(verdicts.PUT_VERDICT, (each.bytes, REPLACED, at, str(import_id), None))
            draft.writes.add(verdicts.SET_STATE, ("waiting", each.bytes))
        draft.writes.add(packages.PUT_ROW, *(said.row(source, file) for file, said in self.standing))
        return True


class PackageImporter:
    """Settles the packages of every source."""

    def __init__(
        self,
        database: Database,
        keys: KeyStore,
        do: Callable[[Any], Any],
        settle: Settle,
        rows_max: int,
        allowed: Removals,
    ) -> None:
        self._database, self._keys, self._do, self._settle = database, keys, do, settle
        self.rows_max, self._allowed = rows_max, allowed

    def read(self, reading: RowReading, receipt: int, raw: bytes) -> PackageReading:
        """The package with what earlier ones said; refuses what is none."""
        kept = KeptRows(self._database, self._keys, reading.tags, reading.source.row.id)
        return PackageReading(reading, open_results(raw, kept), kept, receipt)

    def preview(self, reading: RowReading, raw: bytes) -> Preview:
        """What it would do, as the last of all."""
        package = self.read(reading, PAPER, raw)
        return preview(self._database, self._do, self._settle, package, self.rows_max, self._allowed)

    def settle(
        self, progress: Import, receipt: Receipt, reading: RowReading, raw: bytes, stop: threading.Event
    ) -> None:
        """From wherever it had come; again and again until it is done, or waits for a person."""
        package = self.read(reading, receipt.seq, raw)
        with self._database.read() as cursor:
            judged = verdicts.package_import(cursor, progress.id)
        verdict = judged.verdict if judged else None
        run = Run(self._database, self._do, self._settle, package, receipt.id, self.rows_max)
        if verdict in {REJECTED, REPLACED}:
            run.close(progress, verdict, stop)
        elif progress.next_row or self._begin(progress, package, confirmed=verdict == CONFIRMED):
            run.all(progress, stop)

    def _begin(self, progress: Import, package: PackageReading, *, confirmed: bool) -> bool:
        with self._database.read() as cursor:
            found = package.compare(cursor)
        reason = None if confirmed else doubt(found, self._allowed)
        complete = package.package.complete >= {RESULTS, OBJECTIVES}
        may: bool = self._do(BeginPackage(progress, found, reason, complete, package.standing()))
        if not may:
            log.info("package waits", source=progress.source, reason=reason or "behind another")
        return may


@dataclass(frozen=True, slots=True)
class Run:
    """One package on its way: its rows, then what follows for those it does not hold."""

    database: Database
    do: Callable[[Any], Settled]
    settle: Settle
    package: PackageReading
    receipt: UUID
    rows_max: int

    def all(self, progress: Import, stop: threading.Event) -> None:
        """Row by row, in transactions of some; a kill in between repeats nothing."""
        rows = self.package.items(self.package.reading.origin(), progress.next_row)
        total = len(self.package.package.rows)
        while progress.next_row < total and not stop.is_set():
            progress = self._step(progress, list(islice(rows, self.rows_max)), total, "running")
        while progress.state != "done" and not stop.is_set():
            progress = self._rest(progress, total)

    def _rest(self, progress: Import, total: int) -> Import:
        """The next of what is implied; when that is all of it, the import is done."""
        with self.database.read() as cursor:
            left = self.package.implied_items(self.package.reading.origin(), cursor)
            book_only = self.package.book_only(cursor) if len(left) <= self.rows_max else []
        state = "done" if len(left) <= self.rows_max else "running"
        if state == "done":
            log.info("file settled", source=progress.source, count=progress.next_row + len(left))
        return self._step(progress, left[: self.rows_max], total, state, book_only)

    def close(self, progress: Import, verdict: str, stop: threading.Event) -> None:
        """Nothing of it counts, and every row is told so."""
        reading = UNWANTED if verdict == REJECTED else Overtaken()
        rows = self.package.package.rows
        while progress.state != verdict and not stop.is_set():
            chunk = rows[progress.next_row : progress.next_row + self.rows_max]
            last = progress.next_row + len(chunk) == len(rows)
            items = [PackageItem(Item(reading, row.line)) for row in chunk]
            progress = self._step(progress, items, len(rows), verdict if last else "running")

    def _step(
        self,
        progress: Import,
        items: Sequence[PackageItem],
        total: int,
        state: str,
        book_only: Sequence[tuple[str, Said]] = (),
    ) -> Import:
        origin, received_at = self.package.reading.origin(), self.package.reading.received_at
        work = SettlePackageRows(
            origin, self.receipt, received_at, progress, items, total, state, self.settle, book_only
        )
        return replace(progress, next_row=self.do(work).reached, rows_total=total, state=state)
