"""What the credential service has for `/metrics`: its store's own counts, and where its awards stand."""

from services.runtime.metrics import Metric, gauge
from services.runtime.store import measures
from services.runtime.store.database import Database


def of(database: Database) -> list[Metric]:
    """Read from the store: right after a restart."""
    with database.read() as cursor:
        rows = cursor.execute("SELECT standing, count(*) FROM award GROUP BY standing ORDER BY standing").fetchall()
    said = "Awards by where they stand; those proposed wait for a person."
    return [*measures.of(database), gauge("awards", said, ["standing"], [([s], count) for s, count in rows])]
