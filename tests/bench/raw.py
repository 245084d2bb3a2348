"""The other baseline: one row, one commit, as durable as ours, and nothing else."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

BODY = bytes(900)  # what a sealed piece of evidence weighs


def commits_per_s(folder: Path, seconds: float = 1.0) -> float:
    """How many one-row commits a second SQLite makes durable here."""
    with closing(sqlite3.connect(folder / "raw.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE IF NOT EXISTS row (body BLOB NOT NULL) STRICT")
        started, count = time.perf_counter(), 0
        while time.perf_counter() - started < seconds:
            connection.execute("INSERT INTO row VALUES (?)", (BODY,))
            count += 1
        return count / (time.perf_counter() - started)
