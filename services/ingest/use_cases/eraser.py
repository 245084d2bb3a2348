"""Destroying the keys of whoever was erased: by whoever asked for it, and by a worker after a kill at any point."""

import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from contracts.envelope import log_key
from services.ingest.storage import erasures
from services.ingest.storage.erasures import DESTROYING, DONE, WAITING, Erasure
from services.ingest.use_cases.erase import forget_parked
from services.ingest.use_cases.group import Draft, Group
from services.ingest.use_cases.group_commit import GroupCommit, NotDurable, TooBusy
from services.runtime.keys import KeyStore
from services.runtime.store.database import Database, StoreError
from services.runtime.tenancy import every_tenant

LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class GoOn:
    """Work: the keys known so far are destroyed; it is over, or waits for files that came before and are not read."""

    alone: ClassVar[bool] = True
    items: ClassVar[int] = 1
    erasure: UUID
    keys: tuple[UUID, ...]
    places: tuple[tuple[int, int], ...]
    state: str

    def ask(self, group: Group) -> None:
        """What is written is known by now."""

    def decide(self, draft: Draft) -> None:
        """The same again changes nothing."""
        draft.writes.add(erasures.DROP_KEY, *((self.erasure.bytes, key.bytes) for key in self.keys))
        draft.writes.add(erasures.FORGET_PERSON, *self.places)
        draft.writes.add(erasures.SET_STATE, (self.state, self.erasure.bytes))


@dataclass(frozen=True, slots=True)
class ForgetLate:
    """Work: what parked since, from files that came before; then its keys are destroyed as the first ones were."""

    alone: ClassVar[bool] = True
    items: ClassVar[int] = 1
    erasure: UUID

    def ask(self, group: Group) -> None:
        """The erasure is read when it is decided, as another process may have ended it."""

    def decide(self, draft: Draft) -> None:
        """Nothing when it is no longer waiting."""
        found = erasures.by_id(draft.group.cursor, self.erasure)
        if found is None or found.state != WAITING:
            return
        for tag in sorted(erasures.tags_of(draft.group.cursor, found.id)):
            forget_parked(draft, found.tenant, found.id, tag, found.receipts_to)
        draft.writes.add(erasures.SET_STATE, (DESTROYING, found.id.bytes))


class Eraser:
    """A worker; each step may be repeated, and is until the erasure says it is done."""

    name = "eraser"

    def __init__(self, database: Database, commits: GroupCommit, keys: KeyStore) -> None:
        self._database, self._commits, self._keys = database, commits, keys

    def finish(self, id_: UUID) -> bool:
        """Destroy what is known by now; whether nothing is left that waits for files under way."""
        with every_tenant(self.name):  # which files were rosters is said by rows of no tenant
            return self._finish(id_)

    def _finish(self, id_: UUID) -> bool:
        with self._database.read() as cursor:
            erasure = erasures.by_id(cursor, id_)
            assert erasure is not None, "it is recorded before anything is destroyed"
            if erasure.state != DESTROYING:
                return erasure.state == DONE
            learners, keys = erasures.learners_of(cursor, id_), erasures.keys_of(cursor, id_)
        for learner in learners:
            self._keys.destroy_learner_key(erasure.tenant, learner)
        self._keys.destroy_submission_keys(erasure.tenant, keys)
        return self._submissions(erasure, keys, [log_key(erasure.tenant, str(learner)) for learner in learners])

    def _submissions(self, erasure: Erasure, keys: list[UUID], log_keys: list[str]) -> bool:
        with self._database.read() as cursor:
            under_way = erasures.imports_under_way(cursor, erasure)
            naming = erasures.naming(cursor, erasure, erasures.tags_of(cursor, erasure.id), log_keys)
        self._keys.destroy_submission_keys(erasure.tenant, sorted(naming.submissions, key=str))
        state = WAITING if under_way else DONE
        self._commits.do(GoOn(erasure.id, tuple(keys), tuple(naming.places), state))
        return not under_way

    def pending(self) -> int:
        """How many erasures have keys to destroy now."""
        with self._database.read() as cursor:
            return len(erasures.in_state(cursor, DESTROYING))

    def run(self, stop: threading.Event) -> None:
        """Until told to stop; the rest is destroyed after the next start."""
        while not stop.is_set():
            with suppress(NotDurable, TooBusy, StoreError):  # tried again at the next look
                self.step()
            stop.wait(LOOK_S)

    def step(self) -> None:
        """Whatever is to be done by now."""
        with self._database.read() as cursor:
            waiting = erasures.in_state(cursor, WAITING)
            late = [each for each in waiting if not erasures.imports_under_way(cursor, each)]
        for each in late:
            self._commits.do(ForgetLate(each.id))
        with self._database.read() as cursor:
            destroying = erasures.in_state(cursor, DESTROYING)
        for each in destroying:
            self.finish(each.id)
