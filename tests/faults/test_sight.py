"""What counts as work under way: rows of a service's own work, written and not committed, and nothing else."""

from collections.abc import Iterator

import pytest

from services.credentials.storage.schema import MIGRATIONS as CREDENTIALS
from services.mastery.storage.partitions import MASTERY_MIGRATIONS
from services.runtime.store.database import Database
from services.runtime.store.postgres import PostgresDatabase
from services.runtime.store.postgres_schema import migrate
from services.runtime.tenancy import every_tenant
from tests.faults.sight import Sight

WORK = "INSERT INTO position (topic, part, next_offset, last_seq) VALUES ('t', 0, 1, 1)"
HOUSEKEEPING = (
    "INSERT INTO partition_state (part, fence, owner) VALUES (0, 1, 'somebody')",
    "INSERT INTO member (id, joined_at, expires_at) VALUES ('a process', 1, 2)",
    "INSERT INTO lease (part, owner) VALUES (0, 'a process')",
)


@pytest.fixture
def url(postgres) -> str:
    made: str = postgres.fresh()
    migrate(made, "mastery", MASTERY_MIGRATIONS)
    migrate(made, "credentials", CREDENTIALS)
    return made


@pytest.fixture
def mastery(url: str) -> Iterator[Database]:
    database = PostgresDatabase(url, "mastery", None)
    yield database
    database.close()


@pytest.fixture
def sight(url: str) -> Iterator[Sight]:
    seeing = Sight(url)
    yield seeing
    seeing.close()


def test_work_is_in_hand_from_its_first_row_to_its_commit(mastery: Database, sight: Sight):
    assert not sight.in_hand("mastery")
    with every_tenant("test"), mastery.write() as cursor:
        assert not sight.in_hand("mastery"), "a transaction that has written nothing yet"
        cursor.execute(WORK)
        assert sight.in_hand("mastery")
        assert not sight.in_hand("credentials"), "another service's work"
    assert not sight.in_hand("mastery")


@pytest.mark.parametrize("statement", HOUSEKEEPING)
def test_heartbeats_and_claims_are_no_work(mastery: Database, sight: Sight, statement: str):
    with every_tenant("test"), mastery.write() as cursor:
        cursor.execute(statement)
        assert not sight.in_hand("mastery")
        cursor.execute(WORK)
        assert sight.in_hand("mastery"), "work beside it is"


def test_what_waits_for_a_service_is_told_and_not_taken_in(mastery: Database, sight: Sight, url: str):
    with every_tenant("test"), mastery.write() as cursor:
        cursor.execute("INSERT INTO outbox_head (topic, part, last_seq) VALUES ('mastery.learner', 2, 7)")
    assert sight.waiting("credentials") == 7
    credentials = PostgresDatabase(url, "credentials", None)
    with every_tenant("test"), credentials.write() as cursor:
        cursor.execute("INSERT INTO position (topic, part, next_offset, last_seq) VALUES ('mastery.learner', 2, 5, 4)")
    credentials.close()
    assert sight.waiting("credentials") == 3
    assert sight.progress("credentials") == 4
