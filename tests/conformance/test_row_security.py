"""What PostgreSQL itself keeps from whoever has not said whose rows it works on."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from services.credentials.storage.schema import MIGRATIONS as CREDENTIALS
from services.ingest.storage.schema import MIGRATIONS as INGEST
from services.ingest.storage.schema import SEEN_WITH
from services.mastery.storage.partitions import MASTERY_MIGRATIONS as MASTERY
from services.runtime import access_stored, keyring, keys_schema, tenancy
from services.runtime.store import postgres as adapter
from services.runtime.store.database import StoreError
from services.runtime.store.postgres import PostgresDatabase
from services.runtime.store.postgres_schema import migrate
from services.runtime.store.row_security import MIGRATOR, OF_NO_TENANT, OWNER, RUNTIME
from services.runtime.tenancy import every_tenant, see_only, tenants

STORES = {
    "ingest": (INGEST, SEEN_WITH),
    "mastery": (MASTERY, {}),
    "credentials": (CREDENTIALS, {}),
    "keys": (keys_schema.MIGRATIONS, {}),
    "ring": (keyring.MIGRATIONS, {}),
    "access": (access_stored.MIGRATIONS, {}),
}
PUT = "INSERT INTO receipt (seq, id, tenant, source, door, received_at, content) VALUES (?, ?, ?, 's', 'd', 0, ?)"
OUTCOME = "INSERT INTO outcome (receipt, item, outcome) VALUES (?, 0, 'accepted')"
SEEN = "SELECT tenant FROM receipt ORDER BY seq"


@pytest.fixture
def migrated(store_url: str) -> str:
    """A schema of ingest's."""
    schema = f"secured_{uuid4().hex}"
    migrate(store_url, schema, INGEST, SEEN_WITH)
    return schema


@pytest.fixture
def database(store_url: str, migrated: str, monkeypatch) -> Iterator[PostgresDatabase]:
    """Ingest's, with a receipt of each of two tenants; here nobody sees anything without having said so."""
    monkeypatch.setattr(adapter, "seen", tenancy.seen)
    database = PostgresDatabase(store_url, migrated, INGEST)
    with every_tenant("a relay"), database.write() as cursor:
        for seq, tenant in ((1, "iowa"), (2, "nebraska"), (3, "iowa")):
            cursor.execute(PUT, (seq, bytes([seq]), tenant, b""))
            cursor.execute(OUTCOME, (seq,))
    yield database
    database.close()


def seen(database: PostgresDatabase) -> list[str]:
    with database.read() as cursor:
        return [tenant for (tenant,) in cursor.execute(SEEN).fetchall()]


def test_work_that_says_nothing_sees_and_writes_no_tenants_rows(database):
    assert seen(database) == []
    with pytest.raises(StoreError), database.write() as cursor:
        cursor.execute(PUT, (9, b"9", "iowa", b""))
    with database.write() as cursor:
        assert cursor.execute("UPDATE receipt SET door = 'x'").rowcount == 0
        assert cursor.execute("DELETE FROM receipt").rowcount == 0


def test_a_row_and_the_row_it_is_seen_by_are_written_together(database):
    written = [(PUT, [(9, b"9", "iowa", b"")]), (OUTCOME, [(9,)])]
    with tenants("iowa"), database.write() as cursor:
        cursor.write_many(written)
    with tenants("iowa"), database.read() as cursor:
        assert cursor.execute("SELECT count(*) FROM outcome WHERE receipt = 9").fetchone() == (1,)
    with pytest.raises(StoreError), tenants("nebraska"), database.write() as cursor:
        cursor.write_many([(sql, [(10, *rows[0][1:])]) for sql, rows in written])


def test_work_sees_the_tenants_it_names_and_no_other(database):
    with tenants("iowa"):
        assert seen(database) == ["iowa", "iowa"]
        with pytest.raises(StoreError), database.write() as cursor:
            cursor.execute(PUT, (9, b"9", "nebraska", b""))
        with database.write() as cursor:
            assert cursor.execute("UPDATE receipt SET door = 'x'").rowcount == 2
    with tenants("nebraska", "iowa"):
        assert seen(database) == ["iowa", "nebraska", "iowa"]
    with every_tenant("a relay"):
        assert seen(database) == ["iowa", "nebraska", "iowa"]


def test_rows_without_a_tenant_are_seen_with_the_row_they_belong_to(database):
    select = "SELECT receipt FROM outcome ORDER BY receipt"
    for names, expected in (((), []), (("iowa",), [1, 3]), (("nebraska",), [2])):
        with tenants(*names), database.read() as cursor:
            assert [receipt for (receipt,) in cursor.execute(select).fetchall()] == expected
    with tenants("iowa"), pytest.raises(StoreError), database.write() as cursor:
        cursor.execute("INSERT INTO outcome (receipt, item, outcome) VALUES (2, 1, 'accepted')")


def test_what_one_transaction_may_see_does_not_reach_the_next_on_its_connection(database):
    with tenants("iowa"):
        seen(database)
        with database.write() as cursor:
            cursor.execute("UPDATE receipt SET door = 'x'")
    assert len(database._idle) == 1
    assert seen(database) == []
    with database.write() as cursor:
        assert cursor.execute(SEEN).fetchall() == []
        assert cursor.execute("SELECT current_setting('app.tenants', true)").fetchone() == ("",)


def test_a_read_within_a_read_that_may_see_other_rows_sees_them(database):
    with tenants("iowa"), database.read() as outer:
        assert len(outer.execute(SEEN).fetchall()) == 2
        with every_tenant("upload"):
            assert seen(database) == ["iowa", "nebraska", "iowa"]
        with tenants("nebraska"):
            assert seen(database) == ["nebraska"]
        assert len(outer.execute(SEEN).fetchall()) == 2


def test_a_name_cannot_smuggle_in_another(database):
    for name in ("iowa'; SET LOCAL app.every = 'x", "*", "%", "io%"):
        with tenants(name):
            assert seen(database) == []


def test_a_request_sees_its_callers_tenant_from_then_on(database):
    with every_tenant("request without a key"):
        see_only("nebraska")
        assert seen(database) == ["nebraska"]
    assert tenancy.seen() == tenancy.NOBODYS


@pytest.mark.parametrize("name", STORES)
def test_every_table_but_those_of_no_tenant_has_forced_row_security(store_url, name):
    migrations, seen_with = STORES[name]
    schema = f"secured_{uuid4().hex}"
    migrate(store_url, schema, migrations, seen_with)
    with psycopg.connect(store_url) as connection:
        rows = connection.execute(
            "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity,"
            " (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid), pg_get_userbyid(c.relowner),"
            " EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant')"
            " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = %s AND c.relkind IN ('r', 'v', 'm')",
            (schema,),
        ).fetchall()
    assert rows
    assert {owner for _, _, _, owner, _ in rows} == {OWNER}
    open_ = {table for table, forced, policies, _, _ in rows if not (forced and policies == 1)}
    assert open_ <= OF_NO_TENANT
    assert not {table for table, *_, has_tenant in rows if has_tenant} & OF_NO_TENANT


def test_no_role_can_step_around_it(store_url, migrated):
    with psycopg.connect(store_url) as connection:
        roles = connection.execute(
            "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin FROM pg_roles"
            " WHERE rolname = ANY(%s)",
            ([OWNER, MIGRATOR, RUNTIME],),
        ).fetchall()
        assert sorted(roles) == [(role, *[False] * 5) for role in sorted([OWNER, MIGRATOR, RUNTIME])]
        member = "SELECT pg_has_role(%s, %s, 'MEMBER')"
        assert connection.execute(member, (RUNTIME, OWNER)).fetchone() == (False,)
        assert connection.execute(member, (MIGRATOR, OWNER)).fetchone() == (True,)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE more (a BIGINT)",
        "ALTER TABLE receipt NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE receipt DISABLE ROW LEVEL SECURITY",
        "DROP POLICY seen ON receipt",
        "TRUNCATE receipt",
        "UPDATE schema_version SET version = 99",
        f"SET ROLE {OWNER}",
    ],
)
def test_a_service_can_change_rows_and_nothing_else(postgres, store_url, migrated, statement):
    """As whoever logs in for a service in production: a member of the runtime role, and no superuser."""
    user = f"service_{uuid4().hex}"
    postgres.run(f"CREATE ROLE {user} LOGIN PASSWORD 'x' IN ROLE {RUNTIME}")
    url = postgres.url_of(store_url.rsplit("/", 1)[1], user, "x")
    database = PostgresDatabase(url, migrated, INGEST)
    with every_tenant("a relay"), database.write() as cursor:
        cursor.execute(PUT, (1, b"1", "iowa", b""))
    with pytest.raises(StoreError), database.write() as cursor:
        cursor.execute(statement)
    database.close()


def test_a_migrator_that_is_no_superuser_migrates_once_the_roles_are_there(postgres):
    url = postgres.fresh()
    name, user = url.rsplit("/", 1)[1], f"migrator_{uuid4().hex}"
    migrate(url, "first", INGEST[:1], SEEN_WITH)
    postgres.run(f"CREATE ROLE {user} LOGIN PASSWORD 'x' IN ROLE {MIGRATOR}")
    done = migrate(postgres.url_of(name, user, "x"), "first", INGEST, SEEN_WITH)
    assert done == (1, len(INGEST))
