"""Whose stream it is: an award's events are sealed under its learner's key, an achievement's under the tenant's."""

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock
from uuid import UUID

from services.runtime.keys import DataKey, KeyStore
from services.runtime.store.database import Database

REMEMBERED_MAX = 20_000
ACHIEVEMENTS = "achievements"


class StreamKeys:
    """The store's `key_for`; a new award is told before its first event is written."""

    def __init__(self, keys: KeyStore, database: Database) -> None:
        self._keys = keys
        self._database = database
        self._owners: OrderedDict[UUID, UUID | None] = OrderedDict()
        self._lock = Lock()

    def __call__(self, tenant: str, stream: UUID) -> DataKey:
        learner = self._learner(stream)
        if learner is None:
            return self._keys.tenant_data_key(tenant, ACHIEVEMENTS)
        return self._keys.learner_key(tenant, learner)

    def look_ahead(self, learners: Iterable[tuple[str, UUID]]) -> None:
        """Read together the keys of these (each with its tenant), which are about to be asked for one by one."""
        self._keys.load_learner_keys(learners)

    def check_learner(self, tenant: str, learner: UUID) -> None:
        """Raises KeyUnknown for somebody who was never registered, KeyDestroyed for somebody erased."""
        self._keys.learner_key(tenant, learner)

    def remember(self, stream: UUID, learner: UUID) -> None:
        """The award is this learner's."""
        with self._lock:
            self._owners[stream] = learner
            self._owners.move_to_end(stream)
            while len(self._owners) > REMEMBERED_MAX:
                self._owners.popitem(last=False)

    def _learner(self, stream: UUID) -> UUID | None:
        with self._lock:
            if stream in self._owners:
                return self._owners[stream]
        with self._database.read() as cursor:
            row = cursor.execute("SELECT learner FROM award WHERE id = ?", (stream.bytes,)).fetchone()
        if row is None:
            return None
        learner = UUID(bytes=row[0])
        self.remember(stream, learner)
        return learner
