"""One writer thread: what waits is decided together and written in one transaction; answers follow the commit."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import Full
from typing import Any, ClassVar

from services.ingest.domain.catalogue import Catalogue
from services.ingest.storage import vault
from services.ingest.use_cases.answers import Awaited, tell
from services.ingest.use_cases.group import Group, Wanted
from services.ingest.use_cases.queue import Waiting, Work, WorkQueue
from services.runtime.clock import Clock, Ids
from services.runtime.keys import KeyStore
from services.runtime.metrics import Sizes
from services.runtime.problems import Refusal
from services.runtime.store.database import CommitUnknown, Cursor, Database, StoreError, StoreUnavailable
from services.runtime.telemetry import get_logger

log = get_logger(__name__)

WORK_WAITING_MAX = 4096
LOOK_S = 0.2


class TooBusy(Refusal):
    """More is waiting to be made durable than can be taken on; send it again shortly."""

    status = 503
    headers: ClassVar = {"Retry-After": "1"}


class LogBehind(TooBusy):
    """The log cannot be written, or not fast enough, and enough waits for it already; send it again later."""

    headers: ClassVar = {"Retry-After": "5"}


class NotDurable(Refusal):
    """It could not be made durable; nothing of it was taken. Send it again."""

    status = 503
    headers: ClassVar = {"Retry-After": "2"}


class PerhapsDurable(NotDurable):
    """Whether it was made durable could not be learnt; send it again: it counts once either way."""


class GroupCommit:
    """The worker; it is handed work by `submit`, `do` or `take`, which answer when the work is durable."""

    name = "group commit"

    def __init__(
        self,
        database: Database,
        keys: KeyStore,
        clock: Clock,
        ids: Ids,
        catalogues: Callable[[str], Catalogue],
        partitions: int,
        *,
        on_commit: Callable[[int], None] = lambda put: None,
        waiting_max: int = WORK_WAITING_MAX,
        may_take: Callable[[], None] = lambda: None,
    ) -> None:
        self._database, self._keys, self._clock, self._ids = database, keys, clock, ids
        self._catalogues, self._partitions, self._on_commit = catalogues, partitions, on_commit
        self._may_take = may_take
        self._queue = WorkQueue(waiting_max)
        self._links = vault.Links()
        self.commits = 0
        self.sizes = Sizes()
        self.trouble: str | None = None

    def submit(self, work: Work) -> "Future[Any]":
        """Queue the work; raises TooBusy at once when too much waits already."""
        answer: Future[Any] = Future()
        answer.set_running_or_notify_cancel()  # a caller that hangs up cannot take back what is under way
        self._line_up(Waiting(work, answer))
        return answer

    async def take(self, work: Work) -> Any:
        """Queue the work and await its commit; raises TooBusy at once when too much waits already."""
        answer = Awaited()
        self._line_up(Waiting(work, answer))
        return await answer.on_loop

    def _line_up(self, waiting: Waiting) -> None:
        try:
            self._queue.put(waiting)
        except Full:
            raise TooBusy from None

    def check(self) -> None:
        """Refuse before anything is read or parsed when too much waits already, for a commit or for the log."""
        if self._queue.full:
            raise TooBusy
        self._may_take()

    def do(self, work: Work) -> Any:
        """Queue the work and wait for its commit."""
        return self.submit(work).result()

    def pending(self) -> int:
        """How much waits for the next commit."""
        return len(self._queue)

    def ready(self) -> dict[str, str]:
        """Empty when the last commit went well."""
        return {self.name: self.trouble} if self.trouble else {}

    def run(self, stop: threading.Event) -> None:
        """Until told to stop, and then until nothing waits."""
        while not stop.is_set() or self._queue:
            self.step()

    def step(self, wait_s: float = LOOK_S) -> int:
        """One commit of what waits, or of what comes while it looks; how much was decided."""
        group = self._queue.group(wait_s)
        if group:
            self.commit(group)
        return len(group)

    def commit(self, gathered: list[Waiting]) -> None:
        """Decide, make keys, write in one transaction, and only then answer."""
        try:
            decided = self._write(gathered)
        except Exception as fault:
            log.fault("commit failed", fault, count=len(gathered))
            self._refuse(gathered, fault)
            return
        self.trouble = None
        tell([(waiting.answer, waiting.result) for waiting in decided])

    def _write(self, gathered: list[Waiting]) -> list[Waiting]:
        decided = self._in_turn(gathered) if self._database.shared else self._by_itself(gathered)
        if decided:
            self.commits += 1
            self.sizes.observe(len(decided))
        return decided

    def _by_itself(self, gathered: list[Waiting]) -> list[Waiting]:
        """No other process writes here, so what is read still holds when it is written upon."""
        with self._database.read() as cursor:
            group, decided = self._group(cursor, self._links, gathered)
        if decided:
            group.prepare()
            with self._database.write() as writer:
                group.write(writer, self._partitions)
            self._tell(group)
        return decided

    def _in_turn(self, gathered: list[Waiting]) -> list[Waiting]:
        """Other processes decide here too: from the first look to the commit it is this one's turn."""
        with self._database.write(in_turn=True) as cursor:
            group, decided = self._group(cursor, vault.Links(), gathered)
            if decided:
                group.prepare()
                group.write(cursor, self._partitions)
        self._tell(group)
        return decided

    def _tell(self, group: Group) -> None:
        """How much there is for the relay now."""
        self._on_commit(len(group.writes.messages))

    def _group(self, cursor: Cursor, links: vault.Links, gathered: list[Waiting]) -> tuple[Group, list[Waiting]]:
        group = Group(cursor, self._clock.now(), self._ids, self._keys, self._catalogues, links)
        group.begin(_wanted([waiting.work for waiting in gathered]), at_once=self._database.shared)
        return group, [waiting for waiting in gathered if self._decide(group, waiting)]

    def _refuse(self, gathered: list[Waiting], fault: Exception) -> None:
        """Nothing of it was written. What a database in good order refuses is one work's fault: each is tried alone."""
        left = [waiting for waiting in gathered if not waiting.answer.done()]
        if len(left) > 1 and isinstance(fault, StoreError) and not isinstance(fault, StoreUnavailable):
            for waiting in left:
                self.commit([waiting])
            return
        self.trouble = f"the last commit failed: {type(fault).__name__}"
        for waiting in left:
            waiting.answer.set_exception(PerhapsDurable() if isinstance(fault, CommitUnknown) else NotDurable())

    def _decide(self, group: Group, waiting: Waiting) -> bool:
        draft = group.draft()
        try:
            if (ask := getattr(waiting.work, "ask", None)) is not None:
                ask(group)
            waiting.result = waiting.work.decide(draft)
        except Exception as fault:
            if not isinstance(fault, Refusal):
                log.fault("work failed", fault)
            waiting.answer.set_exception(NotDurable() if isinstance(fault, StoreError) else fault)
            return False
        group.absorb(draft)
        return True


def _wanted(works: list[Work]) -> Wanted:
    """One question of each kind for all that say beforehand what they want: most of a small work's cost is asking."""
    wanted = Wanted()
    for work in works:
        want: Callable[[Wanted], None] | None = getattr(work, "want", None)
        if want is not None:
            want(wanted)
    return wanted
