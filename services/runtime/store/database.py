"""What a store stands on: one database, its transactions and its errors, whichever database it is.

SQL is written once, in the words both databases share: `?` and `:name` for values, `INSERT … ON CONFLICT`,
instants and flags as integers, ids and sealed bodies as bytes. An adapter renders what differs.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from eventsourcing import persistence

Values = Sequence[object] | Mapping[str, object]


class StoreError(persistence.PersistenceError):
    """The database refused or failed; says how, never with which values."""


class StoreUnavailable(StoreError, persistence.OperationalError):
    """The database cannot be reached, is busy, full or damaged: nothing was written, and trying again may help."""


class Contended(StoreUnavailable):
    """Another transaction got in the way: this one was rolled back, and doing it again at once may well succeed."""


class CommitUnknown(StoreUnavailable):
    """The connection was lost while a transaction was being committed: read back whether it was, before going on."""


class RowRefused(StoreError, persistence.IntegrityError):
    """A row breaks a rule of its table: somebody else wrote it first, or there is a bug."""


class OtherSchema(Exception):
    """The tables are of another version than this program's; says both numbers and what to do."""


class NewerSchema(OtherSchema):
    """A newer version of this program wrote the tables; an older one must not touch them."""

    def __init__(self, found: int, known: int, name: str = "store") -> None:
        super().__init__(f"{name}: schema {found} found, this program knows {known}: use the newer program")


class OlderSchema(OtherSchema):
    """The tables are not this program's yet."""

    def __init__(self, found: int, known: int, name: str) -> None:
        super().__init__(f"{name}: schema {found} found, this program needs {known}: run `wayproof migrate`")


class Cursor(Protocol):
    """Runs statements within one transaction."""

    @property
    def rowcount(self) -> int:
        """How many rows the last statement wrote."""

    def execute(self, sql: str, values: Values = ..., /) -> "Cursor":
        """One statement; the cursor holds its rows."""

    def executemany(self, sql: str, rows: Iterable[Values], /) -> "Cursor":
        """One statement for each of many rows, as if one after the other."""

    def write_many(self, writes: Iterable[tuple[str, Sequence[Values]]], /) -> None:
        """As `executemany` of each, one after the other; how many rows they wrote is not told."""

    def fetchone(self) -> Any:
        """The next row, None when there is no more."""

    def fetchall(self) -> list[Any]:
        """The rows not fetched yet."""

    def __iter__(self) -> Iterator[Any]: ...


class Database(Protocol):
    """One store's database; safe to use from several threads."""

    @property
    def shared(self) -> bool:
        """Whether other processes write here too: then what was read may be another when it is written upon."""

    def write(self, *, in_turn: bool = False) -> AbstractContextManager[Cursor]:
        """A transaction: durable when the block has ended, rolled back by an exception.

        `in_turn`: one at a time over all processes that say so; each reads what the one before it committed.
        """

    def read(self) -> AbstractContextManager[Cursor]:
        """A snapshot of what was committed at its first row; reads within a read share it, and wait for no writer."""

    def checkpoint(self) -> None:
        """See that what was deleted is nowhere on disk any more, as far as the database can."""

    def close(self) -> None:
        """Close every connection."""
