"""A partition store to try promises on: its events, its keys, and whatever a test changes behind its back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar
from uuid import UUID, uuid4, uuid5

from services.runtime.store.codec import Codec
from services.runtime.store.database import Database
from services.runtime.store.factory import MIGRATIONS
from services.runtime.store.partition import StoredPartition
from services.runtime.store.port import Append
from services.runtime.store.postgres import PostgresDatabase
from services.runtime.store.postgres_schema import migrate
from services.runtime.store.sqlite import SqliteDatabase
from services.runtime.stored_keys import SqliteKeyStore

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
TENANT = "nebraska"
PARTITIONS = 4
LEARNERS = [uuid5(UUID(int=7), f"learner {n}") for n in range(4)]
ADA, BEN = LEARNERS[:2]
SERVICE_ROWS = "CREATE TABLE standing (learner TEXT PRIMARY KEY, level TEXT NOT NULL)"
STORE_MIGRATIONS = (*MIGRATIONS, SERVICE_ROWS)


@dataclass(frozen=True, slots=True)
class Shown:
    """A learner showed something."""

    TOPIC: ClassVar[str] = "testing.shown.v1"
    code: str
    level: int


class Store:
    """One store with its keys; `open` gives another process's view of one of its partitions.

    A file, or a schema of its own in the PostgreSQL database at the URL.
    """

    def __init__(self, folder: Path, url: str | None = None, *more: str) -> None:
        self.keys = SqliteKeyStore(folder / "keys")
        self.keys.create_learner_keys(TENANT, LEARNERS)
        self.path = folder / "store.db"
        self.url, self.schema = url, f"store_{uuid4().hex}"
        self._opened: list[Database] = []
        self._migrations = (*STORE_MIGRATIONS, *more)
        if url is not None:
            migrate(url, self.schema, self._migrations)
        self._hands = self.database()

    def database(self) -> Database:
        """What another process would have open."""
        if self.url is None:
            database: Database = SqliteDatabase(self.path, self._migrations)
        else:
            database = PostgresDatabase(self.url, self.schema, self._migrations)
        self._opened.append(database)
        return database

    def open(self, partition: int = 0, *, claimed: bool = True) -> StoredPartition:
        store = StoredPartition(
            self.database(), partition, Codec([Shown]), self.keys.learner_key, log_partitions=PARTITIONS
        )
        if claimed:
            store.claim("a test")
        return store

    def sql(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """What somebody with the database in their hands can do."""
        with self._hands.write() as cursor:
            return cursor.execute(statement, values).fetchall()

    def close(self) -> None:
        for database in self._opened:
            database.close()
        self.keys.close()


def shown(learner: UUID, *levels: int) -> list[Append]:
    """The learner showed these levels, one microsecond after the other."""
    return [
        Append(TENANT, learner, Shown(f"{learner}/{n}", level), NOON + timedelta(microseconds=n))
        for n, level in enumerate(levels)
    ]


def levels(events: Sequence[object]) -> list[int]:
    """What was shown, in order."""
    return [recorded.event.level for recorded in events]  # type: ignore[attr-defined]
