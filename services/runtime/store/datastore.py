"""The library's datastore over our database: its transactions are ours, and our errors are kinds of the library's."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from eventsourcing.sqlite import SQLiteCursor, SQLiteDatastore

from services.runtime.store.database import Database


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
        with self.database.write() if commit else self.database.read() as cursor:
            yield SQLiteCursor(cursor)  # type: ignore[arg-type] # it only passes on what it is told

    def now(self) -> datetime:
        """When a plain library event is recorded; ours bring their own stamp."""
        return datetime.now(UTC)

    def close(self) -> None:
        """The database belongs to whoever opened it."""
