"""The formats of files: which reader reads the files of a source, by what its mapping says they are."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from services.ingest.formats.caliper import read_events
from services.ingest.formats.csv_rows import check_csv, first_rows, read_csv
from services.ingest.formats.edfi import read_assessments
from services.ingest.formats.oneroster_results import read_results
from services.ingest.formats.rows import FileRow, ListedRows, Rows, Sent, StreamedRows
from services.runtime.problems import Refusal


class NoFileFormat(Refusal):
    """The source's mapping does not read files: its format is one of another door."""

    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class FileFormat:
    """How a kind of file is read. Each refuses (PackageRefused) what is no such file, or is larger than is taken.

    `check` looks as far as can be done while the sender waits; `rows` looks the whole file through before it answers,
    so that a file is refused as a whole or settled row by row, and never something in between; `first` reads rows of
    the beginning of a file, for somebody who tries a mapping.
    """

    check: Callable[[Sent], object]
    rows: Callable[[Sent], Rows]
    first: Callable[[Sent], Iterable[FileRow]]
    streamed: bool = False  # read from front to back in little memory, however long


def _oneroster(sent: Sent) -> Rows:
    read = read_results(sent.read())
    return ListedRows([FileRow(row.line, row.document, row.problem) for row in read])


def _caliper(sent: Sent) -> Rows:
    return StreamedRows.of(lambda: read_events(sent))


def _edfi(sent: Sent) -> Rows:
    return StreamedRows.of(lambda: read_assessments(sent))


# By the `format` of the source's mapping.
FILE_FORMATS: Final[Mapping[str, FileFormat]] = {
    "csv": FileFormat(check_csv, read_csv, first_rows, streamed=True),
    "caliper": FileFormat(_caliper, _caliper, read_events),
    "edfi": FileFormat(_edfi, _edfi, read_assessments),
    "oneroster": FileFormat(_oneroster, _oneroster, _oneroster),
}


def file_format(name: str) -> FileFormat:
    """The reader for a mapping's format."""
    found = FILE_FORMATS.get(name)
    if found is None:
        raise NoFileFormat(f"the mapping reads {name}; files are read as {', '.join(sorted(FILE_FORMATS))}")
    return found
