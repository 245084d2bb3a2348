"""Files as they are sent and as they are read: bytes opened as often as wanted, rows one at a time, always the same."""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from services.ingest.domain.claims import Fault, Held, NoClaim
from services.ingest.formats.zip_package import PackageTooLarge


@dataclass(frozen=True, slots=True)
class TableShape:
    """How a source writes its tables, where the file does not show it: what a CSV mapping says of it."""

    delimiter: str | None = None
    encoding: str | None = None
    columns: tuple[str, ...] | None = None  # of a file that has no header
    skip_lines: int = 0  # before the header
    wanted: frozenset[str] = frozenset()  # columns that have to be there


@dataclass(frozen=True, slots=True)
class Sent:
    """A file as it was sent. `charset` is what the request's Content-Type said; `shape` what the mapping says."""

    open: Callable[[], BinaryIO]
    charset: str | None = None
    shape: TableShape = field(default_factory=TableShape)

    @classmethod
    def of(cls, raw: bytes, charset: str | None = None, shape: TableShape | None = None) -> "Sent":
        """Bytes that are in memory."""
        return cls(lambda: io.BytesIO(raw), charset, shape or TableShape())

    def read(self) -> bytes:
        """All of it, for formats that cannot be read from front to back."""
        with self.open() as file:
            return file.read()


@dataclass(frozen=True, slots=True)
class FileRow:
    """One row: a document for the mapping or, exactly when there is none, a problem.

    `line` is where a person finds it. `ordinal` counts rows of the same file that are alike, word for word: each is
    a record of its own, also when the file comes again.
    """

    line: int | None
    document: object = None
    problem: Fault | Held | NoClaim | None = None
    ordinal: int = 1


class Rows(Protocol):
    """The rows of a file that was looked through: how many there are is known before the first is settled.

    Iterating again gives the same rows in the same order: an import goes on from a number.
    """

    @property
    def total(self) -> int: ...

    def __iter__(self) -> Iterator[FileRow]: ...


@dataclass(frozen=True, slots=True)
class ListedRows:
    """Rows of a format that has to be read whole."""

    rows: Sequence[FileRow]

    @property
    def total(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[FileRow]:
        return iter(self.rows)


ROWS_MAX = 1_000_000


class TooManyRows(PackageTooLarge):
    """The file has more rows than one import settles."""


@dataclass(frozen=True, slots=True)
class StreamedRows:
    """Rows of a format that is read from front to back, again each time; to count them is to look the file through."""

    read: Callable[[], Iterator[FileRow]]
    total: int

    @classmethod
    def of(cls, read: Callable[[], Iterator[FileRow]], rows_max: int = ROWS_MAX) -> "StreamedRows":
        """Every row is read once; what refuses the file refuses it here."""
        total = 0
        for total, _ in enumerate(read(), 1):
            if total > rows_max:
                raise TooManyRows(rows_max=rows_max)
        return cls(read, total)

    def __iter__(self) -> Iterator[FileRow]:
        return self.read()
