"""The numbered schema of a PostgreSQL store: changed by `wayproof migrate` alone, checked by everybody else."""

from collections.abc import Mapping, Sequence

import psycopg

from services.runtime.store import row_security
from services.runtime.store.database import Cursor, NewerSchema, OlderSchema
from services.runtime.store.postgres_sql import definitions
from services.runtime.store.postgres_storage import lay_out

_VERSION = "SELECT version FROM schema_version"
_NAMED = "SELECT to_regclass('schema_version') IS NOT NULL"


def check_version(cursor: Cursor, schema: str, known: int) -> None:
    """Raises OlderSchema or NewerSchema, which name both numbers."""
    (there,) = cursor.execute(_NAMED).fetchone()
    found = cursor.execute(_VERSION).fetchone()[0] if there else 0
    if found > known:
        raise NewerSchema(found, known, schema)
    if found < known:
        raise OlderSchema(found, known, schema)


def migrate(
    url: str, schema: str, migrations: Sequence[str], seen_with: Mapping[str, str] | None = None
) -> tuple[int, int]:
    """Apply what is missing in one transaction; the version found and the version left. Two at once take turns.

    `seen_with` says, for a table without a tenant, by which other row its rows are seen (`receipt.seq = receipt`).
    """
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"wayproof {schema}",))
        row_security.make_roles(cursor)
        row_security.own(cursor, schema)
        cursor.execute("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")
        row = cursor.execute(_VERSION).fetchone()
        found = row[0] if row else 0
        if found > len(migrations):
            raise NewerSchema(found, len(migrations), schema)
        for migration in migrations[found:]:
            cursor.execute(definitions(migration))
        cursor.execute("DELETE FROM schema_version")
        cursor.execute("INSERT INTO schema_version (version) VALUES (%s)", (len(migrations),))
        lay_out(cursor)
        row_security.secure(cursor, schema, seen_with or {})
    return found, len(migrations)
