"""What a package would do: decided like the real thing, on paper that is thrown away."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any
from uuid import UUID

from services.ingest.domain.outcomes import Outcome
from services.ingest.domain.removals import Comparison, Removals, doubt
from services.ingest.storage.imports import Import
from services.ingest.use_cases.group import Known
from services.ingest.use_cases.package_read import PackageReading
from services.ingest.use_cases.package_rows import PackageItem, Settled, SettlePackageRows
from services.ingest.use_cases.settle import Settle
from services.runtime.store.database import Database

PAPER = 1 << 36  # the number of a receipt that comes after all others
NOBODY = UUID(int=0)


@dataclass(slots=True)
class Preview:
    """How its rows would end, its effect on what counts, and whether a person would be asked first."""

    rows_total: int
    found: Comparison
    asks: str | None
    outcomes: Counter[Outcome]
    effects: Counter[str]

    def answer(self) -> dict[str, Any]:
        """JSON."""
        diff = {name: self.effects[name] for name in ("added", "changed", "removed")}
        outcomes = {outcome.value: count for outcome, count in sorted(self.outcomes.items())}
        said = {"missing": self.found.missing, "compared": self.found.compared, "asks": self.asks}
        return {"rows_total": self.rows_total, "outcomes": outcomes, "diff": diff, **said}


def preview(
    database: Database,
    do: Callable[[Any], Settled],
    settle: Settle,
    package: PackageReading,
    rows_max: int,
    allowed: Removals,
) -> Preview:
    """Nothing is kept of it; others are served in between."""
    with database.read() as cursor:
        found = package.compare(cursor)
        implied = package.implied_items(package.reading.origin(), cursor)
    done = Preview(len(package.package.rows), found, doubt(found, allowed), Counter(), Counter())
    row = package.reading.source.row
    progress = Import(NOBODY, row.tenant, row.id, PAPER, 0, 0, None, "waiting", None)
    overlay = Known()
    for items in _chunks(package, implied, rows_max):
        settled = do(_work(package, progress, items, settle, overlay))
        done.outcomes += settled.outcomes
        done.effects += settled.effects
        progress = replace(progress, next_row=settled.reached)
    return done


def _chunks(package: PackageReading, implied: list[PackageItem], rows_max: int) -> Iterator[list[PackageItem]]:
    rows = package.items(package.reading.origin(), 0)
    while chunk := list(islice(rows, rows_max)):
        yield chunk
    for first in range(0, len(implied), rows_max):
        yield implied[first : first + rows_max]


def _work(
    package: PackageReading, progress: Import, items: list[PackageItem], settle: Settle, overlay: Known
) -> SettlePackageRows:
    reading, total = package.reading, len(package.package.rows)
    return SettlePackageRows(
        *(reading.origin(), NOBODY, reading.received_at, progress, items, total, "running", settle),
        overlay=overlay,
    )
