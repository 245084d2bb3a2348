"""What each service has in hand and what waits for it, seen in the database past every proxy."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import psycopg

from tests.support.watch import HOPS

READS = {"mastery": "ingest.learner", "credentials": "mastery.learner"}
HOUSEKEEPING = ["member", "lease", "outbox_head", "partition_state"]  # touched by heartbeats, claims and relays as well
IN_HAND = """
SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid) JOIN pg_class ON pg_class.oid = relation
WHERE application_name = %s AND state = 'idle in transaction' AND mode = 'RowExclusiveLock' AND relkind = 'r'
AND relname <> ALL(%s)
"""
TAKES_PART = (
    "SELECT count(*) FROM {}.member WHERE id LIKE %s AND expires_at > extract(epoch FROM clock_timestamp()) * 1e6"
)
CONNECT_S = 5


class Sight:
    """One connection of the superuser's, opened again after it was lost; every look raises while the server is away."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def in_hand(self, service: str) -> bool:
        """Whether it has written rows of its work in a transaction that waits for the process to go on."""
        return bool(self._rows(IN_HAND, f"wayproof {service}", HOUSEKEEPING)[0][0])

    def waiting(self, service: str) -> int:
        """Messages decided on by whoever publishes to mastery or credentials, and not taken in."""
        topic = READS[service]
        taken_in = self._positions(service, topic)
        return sum(last - taken_in.get(part, 0) for part, last in self._told(HOPS[topic][0], topic).items())

    def progress(self, service: str) -> int:
        """What it has decided (ingest) or taken in (the others), ever."""
        if service == "ingest":
            return sum(self._told("ingest", "ingest.learner").values())
        return sum(self._positions(service, READS[service]).values())

    def handed_over(self, service: str) -> int:
        """What had been decided for it to take in, ever, wherever that is by now; of ingest what it has decided."""
        topic = READS.get(service, "ingest.learner")
        return sum(self._told(HOPS[topic][0], topic).values())

    def decided(self) -> int:
        """Messages that all services have put into their outboxes, ever."""
        return sum(sum(self._told(HOPS[topic][0], topic).values()) for topic in HOPS)

    def takes_part(self, service: str, pid: int) -> bool:
        """Whether this process has said by a heartbeat that it lives."""
        return bool(self._rows(TAKES_PART.format(service), f"%:{pid}:%")[0][0])

    def answers(self) -> bool:
        """Whether the server does."""
        with suppress(psycopg.OperationalError):
            return bool(self._rows("SELECT 1"))
        return False

    def _told(self, service: str, topic: str) -> dict[int, int]:
        return dict(self._rows(f"SELECT part, last_seq FROM {service}.outbox_head WHERE topic = %s", topic))

    def _positions(self, service: str, topic: str) -> dict[int, int]:
        return dict(self._rows(f"SELECT part, last_seq FROM {service}.position WHERE topic = %s", topic))

    def _rows(self, sql: str, *said: object) -> list[tuple[Any, ...]]:
        """A connection that was lost since the last look is no reason not to see."""
        if self._connection is not None:
            with suppress(psycopg.OperationalError):
                return self._connection.execute(sql, said or None).fetchall()  # type: ignore[arg-type]
            self.close()
        self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=CONNECT_S)
        return self._connection.execute(sql, said or None).fetchall()  # type: ignore[arg-type]
