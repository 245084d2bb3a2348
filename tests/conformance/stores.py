"""A partition store to try promises on: its events, its keys, and whatever a test changes behind its back."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar
from uuid import UUID, uuid5

from services.runtime.keys import SqliteKeyStore
from services.runtime.store.codec import Codec
from services.runtime.store.factory import MIGRATIONS
from services.runtime.store.partition import SqlitePartitionStore
from services.runtime.store.port import Append
from services.runtime.store.sqlite import SqliteDatabase

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
TENANT = "nebraska"
PARTITIONS = 4
LEARNERS = [uuid5(UUID(int=7), f"learner {n}") for n in range(4)]
ADA, BEN = LEARNERS[:2]
SERVICE_ROWS = "CREATE TABLE standing (learner TEXT PRIMARY KEY, level TEXT NOT NULL)"


@dataclass(frozen=True, slots=True)
class Shown:
    """A learner showed something."""

    TOPIC: ClassVar[str] = "testing.shown.v1"
    code: str
    level: int


class Store:
    """One file with its keys; `open` gives another process's view of one of its partitions."""

    def __init__(self, folder: Path) -> None:
        self.keys = SqliteKeyStore(folder / "keys")
        self.keys.create_learner_keys(TENANT, LEARNERS)
        self.path = folder / "store.db"
        self._opened: list[SqliteDatabase] = []

    def open(self, partition: int = 0, *, claimed: bool = True) -> SqlitePartitionStore:
        database = SqliteDatabase(self.path, (*MIGRATIONS, SERVICE_ROWS))
        self._opened.append(database)
        store = SqlitePartitionStore(
            database, partition, Codec([Shown]), self.keys.learner_key, log_partitions=PARTITIONS
        )
        if claimed:
            store.claim("a test")
        return store

    def sql(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """What somebody with the file in their hands can do."""
        connection = sqlite3.connect(self.path)
        with connection:
            rows = connection.execute(statement, values).fetchall()
        connection.close()
        return rows

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
