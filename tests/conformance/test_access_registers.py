"""What every access register promises: keys by their digests, at once everywhere, and nobody in when it is doubtful."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from services.runtime import access_stored
from services.runtime.access_register import FileRegister, KeyRefused, Register
from services.runtime.access_stored import StoredRegister
from services.runtime.store.database import Database, StoreUnavailable
from services.runtime.store.postgres import PostgresDatabase
from services.runtime.store.postgres_schema import migrate
from services.runtime.store.sqlite import SqliteDatabase
from tests.faults.proxy import FaultProxy

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)


class Clock:
    at = NOON

    def now(self) -> datetime:
        return self.at


class Watch:
    s = 0.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture(params=["file", "sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def another(request, tmp_path: Path, clock: Clock, watch: Watch) -> Iterator[Callable[[], Register]]:
    """Makes the register as another process would open it."""
    opened: list[Register] = []
    schema = f"access_{uuid4().hex}"
    if request.param == "postgres":
        url = request.getfixturevalue("store_url")
        migrate(url, schema, access_stored.MIGRATIONS)

    def database() -> Database:
        if request.param == "postgres":
            return PostgresDatabase(url, schema, access_stored.MIGRATIONS)
        return SqliteDatabase(tmp_path / "access.db", access_stored.MIGRATIONS)

    def make() -> Register:
        if request.param == "file":
            opened.append(FileRegister(tmp_path / "access.json", clock, elapsed_s=watch))
        else:
            opened.append(StoredRegister(database(), clock, elapsed_s=watch))
        return opened[-1]

    yield make
    for register in opened:
        register.close()


def test_a_key_added_by_one_process_works_in_another_at_once(another, watch):
    reading, writing = another(), another()
    assert reading.caller("wp_nobody.nothing") is None
    watch.s += 0.06
    caller, token = writing.add(tenant="nebraska", role="operator")
    assert reading.caller(token) == caller
    assert reading.caller(token + "x") is None


def test_a_revoked_key_stops_elsewhere_within_seconds_and_stays_listed(another, watch):
    reading, writing = another(), another()
    caller, token = writing.add(tenant="nebraska", role="operator")
    assert reading.caller(token) == caller
    for _ in range(2):
        writing.revoke(caller.key_id)
    watch.s += 1.0
    assert reading.caller(token) is None
    assert [entry.revoked_at for entry in writing.list()] == [NOON]


def test_a_key_works_from_its_first_instant_up_to_its_last(another, clock):
    register = another()
    caller, token = register.add(tenant="nebraska", role="operator", valid_until=NOON + timedelta(hours=1))
    for at, expected in ((0, caller), (3599, caller), (3600, None), (-1, None)):
        clock.at = NOON + timedelta(seconds=at)
        assert register.caller(token) == expected


def test_keys_added_by_many_at_once_are_all_there(another):
    registers = [another() for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda register: [register.add(tenant="t", role="operator") for _ in range(5)], registers))
    assert len({entry.id for entry in another().list()}) == 20


def test_a_key_nobody_has_cannot_be_revoked(another):
    with pytest.raises(KeyRefused):
        another().revoke("0123")


@pytest.mark.servers
def test_while_the_database_is_away_known_keys_work_for_less_than_a_revocation_may_take(postgres, store_url, watch):
    schema = f"access_{uuid4().hex}"
    migrate(store_url, schema, access_stored.MIGRATIONS)
    with FaultProxy("127.0.0.1", postgres.port) as link:
        url = store_url.replace(str(postgres.port), str(link.port))
        register = StoredRegister(PostgresDatabase(url, schema, access_stored.MIGRATIONS), Clock(), elapsed_s=watch)
        caller, token = register.add(tenant="t", role="operator")
        assert register.caller(token) == caller
        link.cut()
        watch.s += 5.0
        assert register.caller(token) == caller
        watch.s += 4.0
        with pytest.raises(StoreUnavailable):  # come again: not "your key is wrong"
            register.caller(token)
        link.mend()
        watch.s += 1.0
        assert register.caller(token) == caller
        register.close()
