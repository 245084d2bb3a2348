"""Who works which partition: leases in the service's own database, by its clock, shared by all who live."""

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from services.runtime.backoff import Backoff
from services.runtime.metrics import Metric, counter, gauge
from services.runtime.process import this_process
from services.runtime.store.database import Cursor, Database
from services.runtime.telemetry import describe, get_logger
from services.runtime.tenancy import every_tenant

log = get_logger(__name__)

LEASE_SCHEMA = """
CREATE TABLE member (id TEXT PRIMARY KEY, joined_at INTEGER NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE lease (
    part INTEGER PRIMARY KEY, owner TEXT, term INTEGER NOT NULL DEFAULT 0, expires_at INTEGER NOT NULL DEFAULT 0
);
"""

_NOW = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"  # leases are on PostgreSQL alone
_STAY = """
INSERT INTO member (id, joined_at, expires_at) VALUES (?, ?, ?)
ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at
"""
_LIVING = "SELECT id FROM member WHERE expires_at > ? ORDER BY joined_at, id"
_KNOW = "INSERT INTO lease (part) VALUES (?) ON CONFLICT DO NOTHING"
_RENEW = "UPDATE lease SET expires_at = ? WHERE owner = ? RETURNING part, term"
_GIVE_BACK = "UPDATE lease SET owner = NULL, expires_at = 0 WHERE part = ? AND owner = ? AND term = ?"
_FREE = "SELECT part FROM lease WHERE owner IS NULL OR (owner <> ? AND expires_at <= ?) ORDER BY part"
_TAKE = """
UPDATE lease SET owner = ?, term = term + 1, expires_at = ?
WHERE part = ? AND (owner IS NULL OR expires_at <= ?) RETURNING term
"""
_STANDS = "UPDATE lease SET term = term WHERE part = ? AND owner = ? AND term = ?"  # and holds the row meanwhile


@dataclass(frozen=True, slots=True)
class Lease:
    """One partition, worked by one process, until somebody takes the next term."""

    partition: int
    owner: str
    term: int

    def stands(self, cursor: Cursor) -> bool:
        """Whether nobody has taken it over; then nobody can before this transaction ends."""
        cursor.execute(_STANDS, (self.partition, self.owner, self.term))
        return cursor.rowcount == 1


class Leases:
    """A worker: says every `heartbeat_s` that this process lives, renews what it holds, and evens out the shares.

    A lease says who *ought* to work a partition; the fence that is raised with each claim says who *may* write it. So a
    process that stood still longer than `lease_s` writes nothing when it wakes, whatever it believes of its leases.
    The database is a connection of its own: a long transaction must not cost the leases.
    """

    name = "leases"

    def __init__(self, database: Database, partitions: int, *, lease_s: float, heartbeat_s: float) -> None:
        self.owner = f"{this_process()}:{uuid.uuid4().hex[:8]}"
        self.trouble: str | None = "no heartbeat yet"
        self.losses = 0
        self._database, self._partitions = database, partitions
        self._lease_us, self._heartbeat_s = int(lease_s * 1_000_000), heartbeat_s
        self._held: dict[int, Lease] = {}
        self._surplus: frozenset[int] = frozenset()
        self._returned: set[Lease] = set()
        self._lock = threading.Lock()
        self._news = threading.Event()

    def mine(self) -> Mapping[int, Lease]:
        """What this process is to work; what it has too much of is no longer among it."""
        with self._lock:
            return {part: lease for part, lease in self._held.items() if part not in self._surplus}

    def give_back(self, lease: Lease) -> None:
        """Its work has ended at a transaction's end: the next heartbeat, which comes at once, sets it free."""
        with self._lock:
            self._returned.add(lease)
            if self._held.get(lease.partition) == lease:
                del self._held[lease.partition]
        self._news.set()

    def lost(self, lease: Lease) -> None:
        """The fence said that another process has claimed the partition."""
        with self._lock:
            known = self._held.get(lease.partition) == lease
        if known:
            self._count_loss(lease)
            self.give_back(lease)

    def ready(self) -> dict[str, str]:
        """Empty when the last heartbeat was heard, else what is wrong by name."""
        return {self.name: self.trouble} if self.trouble else {}

    def measures(self) -> list[Metric]:
        """How many partitions this process works, and how often one was taken from it."""
        return [
            gauge("partitions_held", "Partitions this process works.", (), [((), len(self.mine()))]),
            counter(
                "lease_losses", "Partitions another process has taken over from this one.", (), [((), self.losses)]
            ),
        ]

    def run(self, stop: threading.Event) -> None:
        """Until told to stop; what is held is given back by `leave`, once its last transaction has ended."""
        backoff = Backoff()
        while not stop.is_set():
            try:
                self.beat()
            except Exception as fault:
                self.trouble = describe(fault)
                log.fault("no heartbeat, will be tried again", fault)
                stop.wait(min(backoff.failed(), self._heartbeat_s))
                continue
            backoff.succeeded()
            self._news.wait(self._heartbeat_s)
            self._news.clear()

    def beat(self) -> None:
        """One transaction: I live; these I give back, these I keep, these I take."""
        with self._lock:
            before, returned = dict(self._held), set(self._returned)
        with self._database.write() as cursor:
            (now,) = cursor.execute(_NOW).fetchone()
            for lease in sorted(returned, key=lambda lease: lease.partition):
                cursor.execute(_GIVE_BACK, (lease.partition, lease.owner, lease.term))
            share = self._share(cursor, now)
            held = self._renewed(cursor, now)
            for part in self._free(cursor, now)[: max(0, share - len(held))]:
                held |= self._taken(cursor, now, part)
        self._remember(before, returned, held, share)
        self.trouble = None

    def leave(self) -> None:
        """The process ends in order: others need not wait for its leases to expire."""
        with every_tenant(self.name), self._database.write() as cursor:
            cursor.execute("DELETE FROM member WHERE id = ?", (self.owner,))
            cursor.execute("UPDATE lease SET owner = NULL, expires_at = 0 WHERE owner = ?", (self.owner,))

    def _share(self, cursor: Cursor, now: int) -> int:
        """An equal part of the partitions; what does not divide goes to those who have been here longest."""
        cursor.execute("DELETE FROM member WHERE expires_at <= ?", (now - self._lease_us,))
        cursor.execute(_STAY, (self.owner, now, now + self._lease_us))
        living = [row[0] for row in cursor.execute(_LIVING, (now,)).fetchall()]
        return fair_share(self._partitions, living.index(self.owner), len(living))

    def _renewed(self, cursor: Cursor, now: int) -> dict[int, Lease]:
        rows = cursor.execute(_RENEW, (now + self._lease_us, self.owner)).fetchall()
        return {part: Lease(part, self.owner, term) for part, term in rows}

    def _free(self, cursor: Cursor, now: int) -> list[int]:
        known = cursor.execute("SELECT count(*) FROM lease").fetchone()[0]
        if known < self._partitions:
            cursor.executemany(_KNOW, [(part,) for part in range(self._partitions)])
        return [row[0] for row in cursor.execute(_FREE, (self.owner, now)).fetchall()]

    def _taken(self, cursor: Cursor, now: int, part: int) -> dict[int, Lease]:
        """Empty when somebody else was faster."""
        row = cursor.execute(_TAKE, (self.owner, now + self._lease_us, part, now)).fetchone()
        return {part: Lease(part, self.owner, row[0])} if row else {}

    def _remember(self, before: dict[int, Lease], returned: set[Lease], held: dict[int, Lease], share: int) -> None:
        for part, lease in before.items():
            if held.get(part) != lease and lease not in returned:
                self._count_loss(lease)
        with self._lock:
            self._returned -= returned
            ended = {lease.partition for lease in self._returned}  # given back while the heartbeat was under way
            self._held = {part: lease for part, lease in held.items() if part not in ended}
            self._surplus = frozenset(sorted(held)[share:])
        if held.keys() != before.keys():
            log.info("partitions held", partition=sorted(held), count=share)

    def _count_loss(self, lease: Lease) -> None:
        self.losses += 1
        log.warning("another process has taken over", partition=lease.partition)


def fair_share(partitions: int, place: int, living: int) -> int:
    """How many of the partitions the member at this place works, the longest-lived member being at place 0."""
    each, over = divmod(partitions, living)
    return each + (place < over)
