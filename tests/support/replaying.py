"""Replay in a fresh process, from a copy of mastery's store in which only events and documents are left."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from services.mastery.storage.partitions import MASTERY_MIGRATIONS
from services.runtime import keyring, keys_schema
from services.runtime.store.sqlite import SqliteDatabase
from tests.support.paths import ROOT
from tests.support.processes import Wayproof

KEPT = {"event", "document"}
NEEDED_TO_OPEN = {"partition_state"}  # how many partitions there are
KEYS = {"tenant", "tenant_secret", "data_key", "signing_key"}
REPLAYED_WITHIN_S = 600


def replayed(system: Wayproof, scratch: Path) -> dict[str, Any]:
    """What deciding everything again makes of the events."""
    if isinstance(system.store, str):
        events_of_server(system.store, system.data, scratch)
    else:
        events_only(system.data, scratch)
    command = [sys.executable, "-m", "services.mastery.replay", "--data-dir", str(scratch)]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=REPLAYED_WITHIN_S)
    assert ran.returncode == 0, f"{ran.stderr}\n{ran.stdout[:2000]}"
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def events_only(data: Path, scratch: Path) -> None:
    """A copy of the keys and of the store without any state; the system may be running."""
    shutil.copytree(data / "keys", scratch / "keys", ignore=shutil.ignore_patterns("*.lock"))
    (scratch / "mastery").mkdir()
    original = f"{(data / 'mastery' / 'mastery.db').absolute().as_uri()}?mode=ro"
    target = scratch / "mastery" / "mastery.db"
    with closing(sqlite3.connect(original, uri=True)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)
        tables = copy.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        for (table,) in tables.fetchall():
            if table not in KEPT | NEEDED_TO_OPEN:
                copy.execute(f"DELETE FROM {table}")
        copy.commit()


def events_of_server(url: str, data: Path, scratch: Path) -> None:
    """The same from PostgreSQL, row by row into files: whatever opens those has nothing else."""
    (scratch / "keys").mkdir(parents=True)
    shutil.copy(data / "keys" / "master.key", scratch / "keys" / "master.key")
    _copied(url, "keys", KEYS, scratch / "keys" / "keys.db", keys_schema.MIGRATIONS)
    _copied(url, "ring", {"wrap_key"}, scratch / "keys" / "ring.db", keyring.MIGRATIONS)
    _copied(url, "mastery", KEPT | NEEDED_TO_OPEN, scratch / "mastery" / "mastery.db", MASTERY_MIGRATIONS)


def _copied(url: str, schema: str, tables: Iterable[str], path: Path, migrations: Sequence[str]) -> None:
    import psycopg
    from psycopg import sql

    path.parent.mkdir(exist_ok=True)
    SqliteDatabase(path, migrations).close()
    with psycopg.connect(url, options=f"-c search_path={schema}") as server, closing(sqlite3.connect(path)) as file:
        for table in tables:
            names = [row[1] for row in file.execute(f"PRAGMA table_info({table})")]
            columns = sql.SQL(", ").join(map(sql.Identifier, names))
            rows = server.execute(sql.SQL("SELECT {} FROM {}").format(columns, sql.Identifier(table)))
            marks = ", ".join("?" * len(names))
            file.execute(f"DELETE FROM {table}")
            file.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)
        file.commit()
