"""How the tables of a migrated schema lie on PostgreSQL's disk."""

from uuid import uuid4

import psycopg
import pytest

from services.mastery.storage.partitions import MASTERY_MIGRATIONS
from services.runtime.store.postgres_schema import migrate


@pytest.fixture
def schema(store_url: str) -> str:
    """Mastery's."""
    name = f"laid_out_{uuid4().hex}"
    migrate(store_url, name, MASTERY_MIGRATIONS)
    return name


def test_sealed_bytes_are_kept_without_an_attempt_to_compress_them(store_url, schema):
    with psycopg.connect(store_url) as connection:
        body = bytes(6000)  # would compress to next to nothing
        connection.execute("SELECT set_config('search_path', %s, false)", (schema,))
        connection.execute(
            "INSERT INTO outbox (topic, part, seq, key, event_id, value) VALUES ('t', 0, 1, 'k', '', %s)", (body,)
        )
        assert connection.execute("SELECT pg_column_size(value) FROM outbox").fetchone() == (len(body),)


def test_a_head_that_moves_finds_room_beside_itself(store_url, schema):
    with psycopg.connect(store_url) as connection:
        connection.execute("SELECT set_config('search_path', %s, false)", (schema,))
        found = connection.execute("SELECT reloptions FROM pg_class WHERE oid = 'head'::regclass").fetchone()
    assert found == (["fillfactor=50"],)
