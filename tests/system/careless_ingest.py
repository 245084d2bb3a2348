"""Ingest with its database told not to wait for the disk: what the durability test must be able to notice."""

import sqlite3
from typing import Any

from services.ingest.main import run
from services.runtime.store import sqlite


class _Careless(sqlite3.Connection):
    def execute(self, sql: str, *said: Any) -> sqlite3.Cursor:
        return super().execute(sql.replace("PRAGMA synchronous = FULL", "PRAGMA synchronous = OFF"), *said)


def _connect(*place: Any, **said: Any) -> sqlite3.Connection:
    return sqlite3.connect(*place, factory=_Careless, **said)


class _Sqlite3:
    """The module, but for how it connects."""

    connect = staticmethod(_connect)

    def __getattr__(self, name: str) -> Any:
        return getattr(sqlite3, name)


if __name__ == "__main__":
    sqlite.sqlite3 = _Sqlite3()  # type: ignore[assignment]
    raise SystemExit(run())
