"""A process that stands still while it writes is ended by PostgreSQL: what it holds can be had by others, whatever it
was about to send."""

import threading
from collections.abc import Iterator

import pytest

from services.runtime.store.database import Cursor, Database, StoreUnavailable
from services.runtime.store.postgres import PostgresDatabase
from services.runtime.store.postgres_schema import migrate

TABLE = "CREATE TABLE thing (id BLOB PRIMARY KEY, size INTEGER NOT NULL)"
STALL_S = 0.3
RUN_MAX_S = 60.0


class Falters(dict[str, object]):
    """Values of a row that are asked for, and then nothing happens until somebody says so."""

    def __init__(self, id_: bytes) -> None:
        super().__init__(id=id_, size=1)
        self.reached, self.goes_on = threading.Event(), threading.Event()

    def __getitem__(self, name: str) -> object:
        self.reached.set()
        assert self.goes_on.wait(RUN_MAX_S)
        return super().__getitem__(name)


@pytest.fixture
def databases(postgres) -> Iterator[tuple[Database, Database]]:
    url = postgres.fresh()
    migrate(url, "service", [TABLE])
    opened = PostgresDatabase(url, "service", None, stall_s=STALL_S), PostgresDatabase(url, "service", None)
    yield opened
    for database in opened:
        database.close()


def one_after_the_other(cursor: Cursor, falters: Falters) -> None:
    cursor.execute("UPDATE thing SET size = size + 1 WHERE id = :id", {"id": b"a"})
    cursor.execute("UPDATE thing SET size = size + :size WHERE id = :id", falters)


def a_row_each(cursor: Cursor, falters: Falters) -> None:
    rows = [{"id": b"a", "size": 1}, falters]
    cursor.executemany("UPDATE thing SET size = size + :size WHERE id = :id", rows)


@pytest.mark.parametrize("write", [one_after_the_other, a_row_each])
def test_what_it_holds_is_free_again_and_nothing_of_it_is_written(databases: tuple[Database, Database], write):
    stands, successor = databases
    with successor.write() as cursor:
        cursor.executemany("INSERT INTO thing (id, size) VALUES (?, ?)", [(b"a", 0), (b"b", 0)])
    falters, fell = Falters(b"b"), list[BaseException]()

    def work() -> None:
        try:
            with stands.write() as cursor:
                write(cursor, falters)
        except StoreUnavailable as fault:
            fell.append(fault)

    worker = threading.Thread(target=work)
    worker.start()
    assert falters.reached.wait(RUN_MAX_S)
    with successor.write() as cursor:  # would be refused the lock otherwise
        cursor.execute("UPDATE thing SET size = 100 WHERE id = ?", (b"a",))
    falters.goes_on.set()
    worker.join(RUN_MAX_S)
    assert fell, "it learns that its transaction is gone"
    with successor.read() as cursor:
        assert cursor.execute("SELECT id, size FROM thing ORDER BY id").fetchall() == [(b"a", 100), (b"b", 0)]
