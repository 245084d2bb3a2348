"""What a test sees of a running system from outside: how far each service is behind, and how much memory it took."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

Store = Path | str  # the data folder, or the URL of the superuser's way into the database

HOPS = {  # topic: who publishes, who reads
    "mastery.catalogue": ("mastery", "ingest"),
    "ingest.learner": ("ingest", "mastery"),
    "mastery.learner": ("mastery", "credentials"),
}
DONE = "SELECT part, last_seq FROM position WHERE topic = ?"
TOLD = "SELECT part, last_seq FROM outbox_head WHERE topic = ?"

SETTLED = "SELECT next_row, coalesce(rows_total, -1) FROM import WHERE mapping <> 0"
ANSWERS_WITHIN_S = 90.0

HALF_SETTLED = "SELECT id, rows_total - next_row FROM import WHERE state = 'running' AND next_row > 0"


def told(data: Store, topic: str) -> dict[int, int]:
    """The last message decided on, by partition, published yet or not."""
    return _rows(data, HOPS[topic][0], TOLD, topic)


def done(data: Store, topic: str) -> dict[int, int]:
    """The last message whose effects are durable at its reader, by partition."""
    return _rows(data, HOPS[topic][1], DONE, topic)


def behind(data: Store, topic: str) -> int:
    """Messages that are decided on and not yet taken in by whoever reads them."""
    reached = done(data, topic)
    return sum(last - reached.get(part, 0) for part, last in told(data, topic).items())


def rows_left(data: Store) -> int:
    """Rows of the file that ingest is in the middle of: some are settled and some are not."""
    return sum(_rows(data, "ingest", HALF_SETTLED).values())


def at_rest(data: Store) -> bool:
    """Nobody has anything left to take in; in the order things flow, so that nothing slips past."""
    return not any(behind(data, topic) for topic in HOPS)


def imported(data: Store) -> tuple[int, int]:
    """The rows of the only import that are settled, and all it has; -1 while that is not known."""
    return max(_rows(data, "ingest", SETTLED).items(), default=(0, -1))


def peak_memory_mib(pid: int) -> float:
    """The most that a process ever held resident."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(peak) / 1024


def _rows(data: Store, service: str, sql: str, *said: str) -> dict[int, int]:
    if isinstance(data, str):
        return _rows_on_server(data, service, sql, *said)
    path = data / service / f"{service}.db"
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
        return dict(connection.execute(sql, said).fetchall())


def _rows_on_server(url: str, service: str, sql: str, *said: str) -> dict[int, int]:
    """However long the server is away meanwhile."""
    import psycopg

    deadline = time.monotonic() + ANSWERS_WITHIN_S
    while True:
        try:
            with psycopg.connect(url, options=f"-c search_path={service}", connect_timeout=5) as connection:
                return dict(connection.execute(sql.replace("?", "%s"), said).fetchall())  # type: ignore[arg-type]
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, "the database does not come back"
            time.sleep(0.1)
