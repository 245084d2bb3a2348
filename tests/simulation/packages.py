"""What a gradebook exports: tables of comma-separated values, a row for each thing said."""

import csv
import io
from dataclasses import dataclass

from tests.simulation.said import Said

COLUMNS = ("id", "student", "skill", "score", "on", "gone")


@dataclass(frozen=True)
class Package:
    """A file under a message key of its own."""

    id: str
    says: tuple[Said, ...]

    @property
    def items(self) -> int:
        return len(self.says)

    def raw(self) -> bytes:
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows([COLUMNS, *map(_row, self.says)])
        return out.getvalue().encode()


def _row(said: Said) -> tuple[str, ...]:
    """One that is spoilt has a cell too many."""
    cells = (said.record, said.student, said.code, said.score or "", said.on, "true" if said.score is None else "")
    return (*cells, "and more") if said.spoilt else cells
