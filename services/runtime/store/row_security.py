"""Roles and row-level security of a PostgreSQL schema, put in place by `wayproof migrate` each time it runs.

Three roles without login; people and services log in as members of one. `wayproof_owner` owns the tables,
`wayproof_migrator` may become it, `wayproof_runtime` reads and writes rows and nothing else, and only those it may see:
a row with a tenant by that tenant, a row without one by the row it belongs to, any other by named work alone.
"""

from collections.abc import Mapping
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

OWNER, MIGRATOR, RUNTIME = "wayproof_owner", "wayproof_migrator", "wayproof_runtime"
ROLES_LOCK = 4711001

# the tables that say nothing of any tenant: numbers, places, fences
OF_NO_TENANT = frozenset(
    {
        "schema_version", "partition_state", "position", "outbox_head", "outbox_topic",
        "control_head", "control_position", "loss", "source_changed", "destroyed", "access_changed", "member", "lease",
    }
)  # fmt: skip

TENANTS = "(SELECT string_to_array(current_setting('app.tenants', true), ','))::text[]"
EVERY = "(SELECT coalesce(current_setting('app.every', true), '') <> '')"
OUTBOX = f"split_part(key, '/', 1) = ANY({TENANTS})"  # its key is `tenant/learner`

Cursor = psycopg.Cursor[TupleRow]


def make_roles(cursor: Cursor) -> None:
    """The three roles, when they are not there and whoever migrates may make them."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (ROLES_LOCK,))  # roles are the whole cluster's
    for role in (OWNER, MIGRATOR, RUNTIME):
        if cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is None:
            _run(cursor, "CREATE ROLE {} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS", role)
            if role == MIGRATOR:
                _run(cursor, "GRANT {} TO {}", OWNER, MIGRATOR)


def own(cursor: Cursor, schema: str) -> None:
    """The schema is the owner's, and what follows in this transaction is done as the owner, over every tenant."""
    if cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (schema,)).fetchone() is None:
        _run(cursor, "CREATE SCHEMA {} AUTHORIZATION {}", schema, OWNER)
    _run(cursor, "SET LOCAL ROLE {}", OWNER)
    cursor.execute("SELECT set_config('search_path', %s, true), set_config('app.every', 'migrate', true)", (schema,))


def secure(cursor: Cursor, schema: str, seen_with: Mapping[str, str]) -> None:
    """Grants and policies of every table; `seen_with` says for a table by which other row its rows are seen."""
    _run(cursor, "GRANT USAGE ON SCHEMA {} TO {}", schema, RUNTIME)
    _run(cursor, "GRANT SELECT ON schema_version TO {}", RUNTIME)
    rows = cursor.execute(
        "SELECT table_name, bool_or(column_name = 'tenant') FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND table_name <> 'schema_version' GROUP BY table_name"
    ).fetchall()
    for table, has_tenant in rows:
        # before its row in the catalogue: whoever analyses the table holds it, and waits for that row
        _run(cursor, "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", table)
        _run(cursor, "GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO {}", table, RUNTIME)
        if table not in OF_NO_TENANT:
            _police(cursor, table, _condition(table, has_tenant, seen_with))


def _condition(table: str, has_tenant: bool, seen_with: Mapping[str, str]) -> str:
    if has_tenant:
        return f"tenant = ANY({TENANTS})"
    if table == "outbox":
        return OUTBOX
    if table in seen_with:
        parent = seen_with[table].partition(".")[0]
        return f"EXISTS (SELECT 1 FROM {parent} WHERE {seen_with[table]})"  # noqa: S608 - and that row's own policy holds
    return "false"


def _police(cursor: Cursor, table: str, condition: str) -> None:
    _run(cursor, "ALTER TABLE {} ENABLE ROW LEVEL SECURITY", table)
    _run(cursor, "ALTER TABLE {} FORCE ROW LEVEL SECURITY", table)
    _run(cursor, "DROP POLICY IF EXISTS seen ON {}", table)
    policy = sql.SQL("CREATE POLICY seen ON {} USING ({})").format(
        sql.Identifier(table),
        sql.SQL(f"{EVERY} OR {condition}"),
    )
    cursor.execute(policy)


def _run(cursor: Cursor, statement: LiteralString, *names: str) -> None:
    cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
