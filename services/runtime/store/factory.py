"""The persistence module for the library: `PERSISTENCE_MODULE=services.runtime.store.factory`."""

from pathlib import Path

from eventsourcing import sqlite  # the module: a second factory among our names would confuse the library
from eventsourcing.persistence import AggregateRecorder, InfrastructureFactoryError
from eventsourcing.utils import Environment, EnvType

from services.runtime.store.database import Database
from services.runtime.store.datastore import PartitionDatastore
from services.runtime.store.outbox import OUTBOX_SCHEMA
from services.runtime.store.recorder import (
    PartitionAggregateRecorder,
    PartitionApplicationRecorder,
    PartitionRecorder,
    PositionRecorder,
)
from services.runtime.store.schema import STORE_SCHEMA
from services.runtime.store.sqlite import SqliteDatabase

MIGRATIONS = (STORE_SCHEMA, OUTBOX_SCHEMA)


class PartitionFactory(sqlite.SQLiteFactory):
    """The library's factory for one partition: `SQLITE_DBNAME` is the file, `PARTITION` which of its partitions."""

    PARTITION = "PARTITION"

    aggregate_recorder_class = PartitionAggregateRecorder
    application_recorder_class = PartitionApplicationRecorder
    tracking_recorder_class = PositionRecorder
    process_recorder_class = PartitionRecorder

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)  # reads and checks the library's settings; its own pool opens nothing before it is used
        super().close()
        path = self.env.get(self.SQLITE_DBNAME)
        assert path is not None
        self._database: Database = SqliteDatabase(Path(path), MIGRATIONS)
        self.datastore = PartitionDatastore(self._database, int(self.env.get(self.PARTITION, "0") or 0))

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """Of events only: a stream is folded from its first event, and a snapshot is a cache of the service's own."""
        if purpose != "events":
            raise InfrastructureFactoryError(f"no recorder for {purpose}")
        return super().aggregate_recorder(purpose)

    def close(self) -> None:
        self._database.close()
