"""What goes wrong on purpose: a process killed around or inside a transaction, a disk that refuses."""

import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from services.runtime.store.database import Cursor, StoreUnavailable
from services.runtime.store.sqlite import SqliteCursor, SqliteDatabase


class Killed(BaseException):
    """The process is gone at this point; no code of its own may hold it up."""


@dataclass
class Trouble:
    """Decides at every write whether it comes to pass; quiet until told otherwise."""

    random: Random
    killed: float = 0.0
    refused: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)

    def quiet(self) -> None:
        self.killed = self.refused = 0.0

    def before(self) -> None:
        self._kill("killed before a transaction", self.killed / 3)
        self._refuse("write refused at its beginning", self.refused / 3)

    def inside(self) -> None:
        self._kill("killed inside a transaction", self.killed / 3)
        self._refuse("write refused at its end", self.refused / 3)

    def after(self) -> None:
        self._kill("killed after a commit, before anybody was told", self.killed / 3)
        self._refuse("commit written, its reply lost", self.refused / 3)

    def _kill(self, what: str, chance: float) -> None:
        if chance and self.random.random() < chance:
            self.counts[what] += 1
            raise Killed(what)

    def _refuse(self, what: str, chance: float) -> None:
        if chance and self.random.random() < chance:
            self.counts[what] += 1
            raise StoreUnavailable("database or disk is full")


class UnsyncedDatabase(SqliteDatabase):
    """The services' database without waiting for a disk, and with somebody who pulls the plug."""

    trouble: Trouble
    commits = 0  # how many transactions were written for good
    _reads = 0

    @contextmanager
    def write(self, *, in_turn: bool = False) -> Iterator[Cursor]:
        assert not self._reads, "a write inside a read would change what the read sees"
        self.trouble.before()
        with super().write(in_turn=in_turn) as cursor:
            yield cursor
            self.trouble.inside()
        self.commits += 1
        self.trouble.after()

    @contextmanager
    def read(self) -> Iterator[SqliteCursor]:
        """On the writer's own connection, where one thread reads what it has committed: a snapshot as it is.

        Inside a transaction a reader has a connection of its own, so that it sees what is committed and no more.
        """
        if self._writer.in_transaction:
            with super().read() as cursor:
                yield cursor
            return
        self._reads += 1
        try:
            yield self._writer.cursor(SqliteCursor)
        finally:
            self._reads -= 1

    def drop(self) -> None:
        """The process has died: its connections are gone, and nothing of it was finished."""
        with suppress(sqlite3.ProgrammingError):
            self.close()

    def _open(self) -> sqlite3.Connection:
        connection = super()._open()
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA secure_delete = OFF")
        return connection


def opened(path: Path, migrations: Sequence[str], trouble: Trouble) -> UnsyncedDatabase:
    """The database of a service that starts; nothing goes wrong while it does."""
    database = UnsyncedDatabase(path, migrations)
    database.trouble = trouble
    return database


def copied(files: Sequence[Path], folder: Path) -> None:
    """Data folders as they were left: a database file each, with nothing beside it."""
    for file in files:
        (folder / file.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, folder / file.parent.name / file.name)
