"""The eventsourcing library's own test cases, run on our persistence module: what it promises, ours keeps."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import TestCase
from uuid import uuid4

import eventsourcing.cryptography
import pytest
from eventsourcing.persistence import InfrastructureFactoryError, IntegrityError, StoredEvent
from eventsourcing.utils import Environment
from psycopg.conninfo import conninfo_to_dict

from services.runtime.store.database import Database
from services.runtime.store.datastore import PartitionDatastore
from services.runtime.store.factory import MIGRATIONS, PartitionFactory
from services.runtime.store.postgres import PostgresDatabase
from services.runtime.store.postgres_factory import PostgresPartitionFactory
from services.runtime.store.postgres_schema import migrate
from services.runtime.store.recorder import (
    PartitionAggregateRecorder,
    PartitionApplicationRecorder,
    PartitionRecorder,
    PositionRecorder,
)
from services.runtime.store.sqlite import SqliteDatabase

# the cases name the library's pycryptodome cipher; it ships the same cipher over the package we have
sys.modules.setdefault("eventsourcing.cipher", eventsourcing.cryptography)

from eventsourcing.tests.persistence import (  # noqa: E402
    AggregateRecorderTestCase,
    ApplicationRecorderTestCase,
    InfrastructureFactoryTestCase,
    NonInterleavingNotificationIDsBaseCase,
    ProcessRecorderTestCase,
    TrackingRecorderTestCase,
)


class OnDisk(TestCase):
    """Gives each case a database in a folder of its own, already holding events of another partition."""

    def setUp(self) -> None:
        self.database = self.make()
        self.addCleanup(self.database.close)
        other = PartitionApplicationRecorder(PartitionDatastore(self.database, 7))
        other.insert_events([StoredEvent(uuid4(), 1, "elsewhere", b"{}") for _ in range(5)])

    def make(self) -> Database:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return SqliteDatabase(Path(folder.name) / "store.db", MIGRATIONS)

    @property
    def datastore(self) -> PartitionDatastore:
        return PartitionDatastore(self.database, 0)


class OnServer(OnDisk):
    """As on disk, in a schema of its own."""

    @pytest.fixture(autouse=True)
    def _server(self, store_url: str) -> None:
        self.url = store_url

    def make(self) -> Database:
        schema = f"library_{uuid4().hex}"
        migrate(self.url, schema, MIGRATIONS)
        return PostgresDatabase(self.url, schema, MIGRATIONS)


class TestStreams(OnDisk, AggregateRecorderTestCase):
    def create_recorder(self) -> PartitionAggregateRecorder:
        return PartitionAggregateRecorder(self.datastore)


class TestJournal(OnDisk, ApplicationRecorderTestCase[PartitionApplicationRecorder]):
    def create_recorder(self) -> PartitionApplicationRecorder:
        return PartitionApplicationRecorder(self.datastore)

    def test_a_gap_in_a_stream_is_refused(self) -> None:
        """Stricter than the library, which stores version 3 after version 1."""
        recorder, stream = self.create_recorder(), uuid4()
        recorder.insert_events([StoredEvent(stream, 1, "t", b"1")])
        with pytest.raises(IntegrityError):
            recorder.insert_events([StoredEvent(stream, 3, "t", b"3")])

    def test_a_refused_batch_leaves_no_gap_in_the_journal(self) -> None:
        recorder, stream = self.create_recorder(), uuid4()
        assert recorder.insert_events([StoredEvent(stream, 1, "t", b"1")]) == [1]
        with pytest.raises(IntegrityError):
            recorder.insert_events([StoredEvent(uuid4(), 1, "t", b""), StoredEvent(stream, 1, "t", b"again")])
        assert recorder.insert_events([StoredEvent(stream, 2, "t", b"2")]) == [2]


class TestNotificationIdsDoNotInterleave(OnDisk, NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> PartitionApplicationRecorder:
        return PartitionApplicationRecorder(self.datastore)


class TestPositions(OnDisk, TrackingRecorderTestCase):
    def create_recorder(self) -> PositionRecorder:
        return PositionRecorder(self.datastore)


class TestEventsWithTheirPosition(OnDisk, ProcessRecorderTestCase):
    def create_recorder(self) -> PartitionRecorder:
        return PartitionRecorder(self.datastore)


class OtherPositionRecorder(PositionRecorder):
    """Some other class, so that the factory can be told to make it."""


class TestFactory(InfrastructureFactoryTestCase[PartitionFactory]):
    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.env = Environment("Partition")
        self.env[PartitionFactory.PERSISTENCE_MODULE] = "services.runtime.store.factory"
        self.env[PartitionFactory.SQLITE_DBNAME] = str(Path(folder.name) / "store.db")
        super().setUp()

    def expected_factory_class(self) -> type[PartitionFactory]:
        return PartitionFactory

    def expected_aggregate_recorder_class(self) -> type[PartitionAggregateRecorder]:
        return PartitionAggregateRecorder

    def expected_application_recorder_class(self) -> type[PartitionApplicationRecorder]:
        return PartitionApplicationRecorder

    def expected_tracking_recorder_class(self) -> type[PositionRecorder]:
        return PositionRecorder

    def tracking_recorder_subclass(self) -> type[PositionRecorder]:
        return OtherPositionRecorder

    def expected_process_recorder_class(self) -> type[PartitionRecorder]:
        return PartitionRecorder

    def test_no_recorder_of_snapshots_is_made(self) -> None:
        with pytest.raises(InfrastructureFactoryError):
            self.factory.aggregate_recorder("snapshots")


class TestStreamsOnServer(OnServer, TestStreams):
    """On PostgreSQL."""


class TestJournalOnServer(OnServer, TestJournal):
    """On PostgreSQL."""


class TestNotificationIdsDoNotInterleaveOnServer(OnServer, TestNotificationIdsDoNotInterleave):
    """On PostgreSQL."""


class TestPositionsOnServer(OnServer, TestPositions):
    """On PostgreSQL."""


class TestEventsWithTheirPositionOnServer(OnServer, TestEventsWithTheirPosition):
    """On PostgreSQL."""


class TestFactoryOnServer(TestFactory):
    @pytest.fixture(autouse=True)
    def _server(self, store_url: str) -> None:
        self.url = store_url

    def setUp(self) -> None:
        schema, said = f"library_{uuid4().hex}", conninfo_to_dict(self.url)
        migrate(self.url, schema, MIGRATIONS)
        self.env = Environment("Partition")
        self.env[PartitionFactory.PERSISTENCE_MODULE] = "services.runtime.store.postgres_factory"
        for name, variable in PostgresPartitionFactory.CONNECTION.items():
            self.env[variable] = str(said[name])
        self.env[PostgresPartitionFactory.SCHEMA] = schema
        super(TestFactory, self).setUp()

    def expected_factory_class(self) -> type[PostgresPartitionFactory]:
        return PostgresPartitionFactory


del AggregateRecorderTestCase, ApplicationRecorderTestCase, TrackingRecorderTestCase, ProcessRecorderTestCase
del NonInterleavingNotificationIDsBaseCase, InfrastructureFactoryTestCase, OnDisk, OnServer
