"""What ingest has for `/metrics`: what became of everything that was sent, source by source."""

from collections.abc import Iterator, Sequence

from services.ingest.domain.outcomes import Outcome
from services.runtime.metrics import Metric, counter, gauge
from services.runtime.store.database import Database

WAITING = (Outcome.PARKED, Outcome.HELD, Outcome.QUARANTINED)  # a link or a redrive may still end them otherwise
FINAL = tuple(outcome for outcome in Outcome if outcome not in WAITING)
LABELS = ["source", "outcome"]

Counts = dict[str, dict[str, int]]


def of(database: Database) -> list[Metric]:
    """Read from the tally that is kept with every outcome: right after a restart."""
    counts = _counts(database)
    received = [([source], sum(ends.values())) for source, ends in counts.items()]
    return [
        counter("received", "Items received, ever: the sum of all outcomes.", ["source"], received),
        counter("outcomes", "Items that came to an end of their own.", LABELS, _samples(counts, FINAL)),
        gauge("waiting", "Items that wait for a person.", LABELS, _samples(counts, WAITING)),
    ]


def _counts(database: Database) -> Counts:
    """Every source registered, also those that have sent nothing yet."""
    with database.read() as cursor:
        counts: Counts = {source: {} for (source,) in cursor.execute("SELECT id FROM source").fetchall()}
        for source, outcome, count in cursor.execute("SELECT source, outcome, count FROM tally").fetchall():
            counts.setdefault(source, {})[outcome] = count
    return counts


def _samples(counts: Counts, outcomes: Sequence[Outcome]) -> Iterator[tuple[list[str], int]]:
    for source, ends in sorted(counts.items()):
        for outcome in outcomes:
            yield [source, outcome.value], ends.get(outcome, 0)
