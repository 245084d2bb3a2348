"""Which statements the stores are asked while somebody watches."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from services.runtime.store.postgres_cursor import PostgresCursor
from services.runtime.store.sqlite import SqliteCursor

TRANSACTIONS = ("BEGIN", "COMMIT", "ROLLBACK")


@contextmanager
def questions() -> Iterator[list[str]]:
    """The statements of every store in this process from now on, those that begin and end transactions left out."""
    asked: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for cursor in (SqliteCursor, PostgresCursor):
            patch.setattr(cursor, "execute", _noting(cursor.execute, asked))
        yield asked


def _noting(execute: Callable[..., Any], asked: list[str]) -> Callable[..., Any]:
    def noted(cursor: object, sql: str, *values: Any) -> Any:
        if not sql.startswith(TRANSACTIONS):
            asked.append(sql)
        return execute(cursor, sql, *values)

    return noted
