"""What an event store has for `/metrics`: what was ever recorded, and what no consumer could read."""

from services.runtime.metrics import Metric, counter, gauge
from services.runtime.store.database import Database


def of(database: Database) -> list[Metric]:
    """Read from the store: right after a restart."""
    with database.read() as cursor:
        (recorded,) = cursor.execute("SELECT coalesce(sum(seq), 0) FROM partition_state").fetchone()
        letters = cursor.execute("SELECT topic, count(*) FROM dead_letter GROUP BY topic").fetchall()
    return [
        counter("recorded", "Events recorded in this service's store, ever.", (), [((), recorded)]),
        gauge("dead_letters", "Records set aside unread, by topic.", ["topic"], [([t], count) for t, count in letters]),
    ]
