"""What the workers that settle what was taken as a file have in common: the oldest first, from where it had come."""

import threading
from abc import ABC, abstractmethod

from services.ingest.formats.zip_package import PackageRefused
from services.ingest.storage import imports
from services.ingest.storage.imports import Import
from services.ingest.use_cases.group_commit import GroupCommit, NotDurable, TooBusy
from services.ingest.use_cases.settle_rows import RefuseFile, SettledElsewhere
from services.runtime.store.database import Database, StoreError
from services.runtime.telemetry import get_logger

log = get_logger(__name__)

TRY_AGAIN = (NotDurable, TooBusy, SettledElsewhere, StoreError)
LOOK_S, PAUSE_S = 0.2, 0.5


class FileWorker(ABC):
    """Settles one after the other; what a kill leaves is settled after the next start."""

    name: str
    rosters: bool  # which of the two kinds of files it works

    def __init__(self, database: Database, commits: GroupCommit) -> None:
        self._database, self._commits = database, commits
        self._news = threading.Event()

    @abstractmethod
    def settle(self, progress: Import, stop: threading.Event) -> None:
        """Settle what was not settled yet of this one."""

    def wake(self) -> None:
        """Something was taken, or decided."""
        self._news.set()

    def run(self, stop: threading.Event) -> None:
        """Until told to stop."""
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
        """The next one, when there is one."""
        with self._database.read() as cursor:
            waiting = imports.next_import(cursor, rosters=self.rosters)
        if waiting is not None:
            self._try(waiting, stop)
        return waiting is not None

    def _try(self, waiting: Import, stop: threading.Event) -> None:
        """One that cannot be settled says so, and lets the next one through."""
        try:
            self.settle(waiting, stop)
        except TRY_AGAIN:
            raise
        except PackageRefused as refused:
            self._commits.do(RefuseFile(waiting, refused.detail or type(refused).__name__))
        except Exception as fault:
            log.fault("file not settled", fault, source=waiting.source)
            self._commits.do(RefuseFile(waiting, type(fault).__name__))
