"""Rosters that come as packages: taken durably, settled by a worker of their own, compared with those before."""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from services.ingest.domain.claims import NoClaim, Overtaken
from services.ingest.domain.outcomes import Outcome
from services.ingest.domain.removals import Removals, doubt
from services.ingest.formats.oneroster_people import ENROLLMENTS, FILES, open_people
from services.ingest.storage import inbox, rosters, verdicts
from services.ingest.storage.imports import READ_BY_NO_MAPPING, Import
from services.ingest.storage.rosters import RosterImport
from services.ingest.use_cases.file_worker import FileWorker
from services.ingest.use_cases.group_commit import GroupCommit
from services.ingest.use_cases.link import About, Linking
from services.ingest.use_cases.package_import import CONFIRMED, REJECTED, REPLACED, UNWANTED, BeginPackage
from services.ingest.use_cases.package_kept import KeptRows
from services.ingest.use_cases.package_preview import PAPER
from services.ingest.use_cases.package_rows import PackageItem, SettlePackageRows
from services.ingest.use_cases.roster_rows import Done, EndEnrolments, RosterWork, SettlePeople, pieces_of
from services.ingest.use_cases.roster_run import RosterRun
from services.ingest.use_cases.settle import Item, Origin, Settle
from services.ingest.use_cases.tags import TagBook
from services.ingest.use_cases.take_roster import DOOR, TakeRoster, roster_source
from services.runtime.keys import KeyStore
from services.runtime.store.database import Database

NOBODY = UUID(int=0)


class RosterImporter(FileWorker):
    """The worker that settles rosters; files of evidence do not hold it up."""

    name, rosters = "roster importer", True

    def __init__(
        self,
        database: Database,
        keys: KeyStore,
        tags: TagBook,
        commits: GroupCommit,
        settle: Settle,
        about: About,
        rows_max: int,
        allowed: Removals,
    ) -> None:
        super().__init__(database, commits)
        self._keys, self._tags = keys, tags
        self._settle, self._about, self._rows_max, self._allowed = settle, about, rows_max, allowed

    def pending(self) -> int:
        """Files and rosters are counted by the importer of files."""
        return 0

    def take(self, tenant: str, name: str | None, told: RosterImport, raw: bytes) -> UUID:
        """Durable; refuses what is no package."""
        open_people(raw)
        work = TakeRoster(
            self._origin(tenant, roster_source(tenant, name)), told, raw, self._tags.of(tenant).content(raw)
        )
        taken: UUID = self._commits.do(work)
        self.wake()
        return taken

    def preview(self, tenant: str, name: str | None, told: RosterImport, raw: bytes, at: datetime) -> dict[str, Any]:
        """What it would do if it came now."""
        origin = self._origin(tenant, roster_source(tenant, name))
        return self._preview(self._run(origin, told, PAPER, NOBODY, at, raw))

    def preview_of(self, progress: Import) -> dict[str, Any]:
        """What one that was taken would do if it were settled now."""
        run = self._opened(progress)
        return self._preview(replace(run, receipt=PAPER))

    def _preview(self, run: RosterRun) -> dict[str, Any]:
        """How its rows would end, and its effect on enrolments."""
        origin, total = run.work.origin, Done(0)
        progress = Import(NOBODY, origin.tenant, origin.source, PAPER, READ_BY_NO_MAPPING, 0, None, "waiting", None)
        with self._database.read() as cursor:
            found, ending = run.compare(cursor), run.ending(cursor)
        for chunk in self._chunks(run, 0):
            done = self._commits.do(SettlePeople(run.work, progress, chunk, self._lines(run), dry=True))
            total.outcomes += done.outcomes
            total.effects += done.effects
        ended = len(ending.missing) + len(ending.deleted)
        diff = {name: total.effects[name] for name in ("added", "changed", "removed")}
        outcomes = total.outcomes + Counter({Outcome.ACCEPTED: ended})
        told = {outcome.value: count for outcome, count in sorted(outcomes.items())}
        said = {"missing": found.missing, "compared": found.compared, "asks": doubt(found, self._allowed)}
        return {
            "rows_total": len(run.package.rows),
            "outcomes": told,
            "diff": {**diff, "removed": diff["removed"] + ended},
            **said,
        }

    def settle(self, progress: Import, stop: threading.Event) -> None:
        """Unless it waits for a person: its rows, then the enrolments that end."""
        run = self._opened(progress)
        with self._database.read() as cursor:
            judged = verdicts.package_import(cursor, progress.id)
        verdict = judged.verdict if judged else None
        if verdict in {REJECTED, REPLACED}:
            self._close(run, progress, verdict, stop)
        elif progress.next_row or self._begin(run, progress, confirmed=verdict == CONFIRMED):
            self._all(run, progress, stop)

    def _opened(self, progress: Import) -> RosterRun:
        with self._database.read() as cursor:
            receipt = inbox.receipt_by(cursor, "seq", progress.receipt)
            sealed = inbox.sealed_submission(cursor, progress.receipt)
            told = rosters.roster_import(cursor, progress.id)
        assert receipt is not None, "a roster is taken with its receipt"
        assert sealed is not None, "and kept until it is settled"
        assert told is not None, "and how it is to be taken"
        raw = self._keys.submission_key(progress.tenant, receipt.id).open(sealed, receipt.id.bytes)
        origin = self._origin(progress.tenant, progress.source)
        return self._run(origin, told, progress.receipt, receipt.id, receipt.received_at, raw)

    def _begin(self, run: RosterRun, progress: Import, *, confirmed: bool) -> bool:
        with self._database.read() as cursor:
            found = run.compare(cursor)
        reason = None if confirmed else doubt(found, self._allowed)
        complete = run.package.complete >= set(FILES)
        may: bool = self._commits.do(BeginPackage(progress, found, reason, complete, ()))
        return may

    def _all(self, run: RosterRun, progress: Import, stop: threading.Event) -> None:
        for chunk in self._chunks(run, progress.next_row):
            if stop.is_set():
                return
            done: Done = self._commits.do(SettlePeople(run.work, progress, chunk, self._lines(run)))
            progress = replace(progress, next_row=done.reached)
        while progress.state != "done" and not stop.is_set():
            progress = self._end_some(run, progress)

    def _end_some(self, run: RosterRun, progress: Import) -> Import:
        """The items come after the rows; so many of them were done as the import has come beyond its pieces."""
        with self._database.read() as cursor:
            ending = run.ending(cursor)
        total = len(run.package.rows)
        done = progress.next_row - sum(1 for _ in pieces_of(run.package.rows, run.package.units))
        left = [*ending.missing, *ending.deleted]
        chunk, last = left[: self._rows_max], len(left) <= self._rows_max
        rows = [(total + done + number, ENROLLMENTS, said) for number, said in enumerate(chunk)]
        reached = total + done + len(chunk) if last else progress.next_row + len(chunk)
        state, book_only = ("done", ending.book_only) if last else ("running", [])
        self._commits.do(EndEnrolments(run.work, progress, rows, book_only, reached, total, state))
        return replace(progress, next_row=reached, state=state)

    def _close(self, run: RosterRun, progress: Import, verdict: str, stop: threading.Event) -> None:
        """Nothing of it counts, and every row is told so."""
        reading: NoClaim | Overtaken = UNWANTED if verdict == REJECTED else Overtaken()
        rows, work = run.package.rows, run.work
        while progress.state != verdict and not stop.is_set():
            chunk = rows[progress.next_row : progress.next_row + self._rows_max]
            reached = progress.next_row + len(chunk)
            state = verdict if reached == len(rows) else "running"
            items = [PackageItem(Item(reading, row.line)) for row in chunk]
            closing = (work.origin, work.receipt, work.received_at, progress, items, len(rows), state, self._settle)
            self._commits.do(SettlePackageRows(*closing))
            progress = replace(progress, next_row=reached, state=state)

    def _run(self, origin: Origin, told: RosterImport, seq: int, receipt: UUID, at: datetime, raw: bytes) -> RosterRun:
        tags = self._tags.of(origin.tenant)
        linking = Linking(tags, self._settle, self._about)

        def tag(file: str, sourced_id: str) -> bytes:
            return tags.row(origin.source, file, sourced_id)

        kept = KeptRows(self._database, self._keys, tags, origin.source)
        work = RosterWork(linking, self._settle, origin, receipt, at, told, tag)
        return RosterRun(open_people(raw, kept), work, seq)

    def _chunks(self, run: RosterRun, first: int) -> Iterator[Sequence[Any]]:
        pieces = list(pieces_of(run.package.rows, run.package.units))
        for start in range(first, len(pieces), self._rows_max):
            yield pieces[start : start + self._rows_max]

    def _lines(self, run: RosterRun) -> list[int]:
        return [row.line for row in run.package.rows]

    def _origin(self, tenant: str, source: str) -> Origin:
        return Origin(tenant, source, "", DOOR)
