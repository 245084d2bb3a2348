"""The library's datastore over our database: its transactions are ours, its errors keep the library's names."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from eventsourcing import persistence
from eventsourcing.sqlite import SQLiteCursor, SQLiteDatastore

from services.runtime.store.sqlite import Database

_NAMES = {
    sqlite3.InterfaceError: persistence.InterfaceError,
    sqlite3.DataError: persistence.DataError,
    sqlite3.OperationalError: persistence.OperationalError,
    sqlite3.IntegrityError: persistence.IntegrityError,
    sqlite3.InternalError: persistence.InternalError,
    sqlite3.ProgrammingError: persistence.ProgrammingError,
    sqlite3.NotSupportedError: persistence.NotSupportedError,
    sqlite3.DatabaseError: persistence.DatabaseError,
}


class PartitionDatastore(SQLiteDatastore):
    """One partition of a database; `tenant` is whose plain library events are, which carry none."""

    def __init__(self, database: Database, partition: int, tenant: str = "default") -> None:
        self.database = database
        self.partition = partition
        self.tenant = tenant
        self.single_row_tracking = True
        self.originator_id_type = "uuid"

    @contextmanager
    def transaction(self, *, commit: bool) -> Iterator[SQLiteCursor]:
        try:
            with self.database.write() if commit else self.database.read() as cursor:
                yield SQLiteCursor(cursor)
        except sqlite3.Error as error:
            raise _NAMES.get(type(error), persistence.PersistenceError)(error) from error

    def now(self) -> datetime:
        """When a plain library event is recorded; ours bring their own stamp."""
        return datetime.now(UTC)

    def close(self) -> None:
        """The database belongs to whoever opened it."""
