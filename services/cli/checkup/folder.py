"""The data folder: disk space, access register, key store, the versions of the stores, and what waits in them."""

import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from services.cli.checkup.finding import Finding, State
from services.runtime import keys_schema
from services.runtime.access_register import Entry, FileRegister
from services.runtime.clock import Clock, format_instant, from_micros
from services.runtime.stored_keys import SqliteKeyStore

FREE_WRONG_BYTES, FREE_WATCH_BYTES = 512 * 1024**2, 5 * 1024**3
AHEAD_S_MAX = 5.0
PLAINLY_READABLE = 0o077
REGISTER, KEY_STORE, RING, MASTER = "access.json", "keys.db", "ring.db", "master.key"


class Folder:
    """Looks at files beside the services, changes nothing, and makes nothing that is not there."""

    def __init__(self, path: Path, clock: Clock, migrations: Mapping[str, Sequence[str]]) -> None:
        self._path, self._clock, self._migrations = path, clock, migrations

    def disk(self) -> Iterator[Finding]:
        """How much room the stores have left."""
        usage = shutil.disk_usage(self._path)
        said = f"{_size(usage.free)} free of {_size(usage.total)}"
        if usage.free < FREE_WATCH_BYTES:
            state: State = "wrong" if usage.free < FREE_WRONG_BYTES else "watch"
            yield Finding("disk", state, said, f"free some, or move {self._path} to a larger disk while all is stopped")
        else:
            yield Finding("disk", "good", said)

    def access(self) -> Iterator[Finding]:
        """Whether the register of keys lets anybody in, and whether it is private."""
        path = self._path / REGISTER
        try:
            entries = FileRegister(path, self._clock).list()
        except ValueError:
            remedy = f"restore {path} from a backup; until then no key works"
            yield Finding("access register", "wrong", f"{REGISTER} is damaged: it lets nobody in", remedy)
            return
        yield _told_keys(entries, self._clock.now())
        if path.exists() and path.stat().st_mode & PLAINLY_READABLE:
            yield Finding("access register", "watch", "others on this machine may read it", f"chmod 600 {path}")

    def key_store(self) -> Iterator[Finding]:
        """Whether every tenant's key opens."""
        folder = self._path / "keys"
        master, store = folder / MASTER, folder / KEY_STORE
        if not store.exists():
            yield Finding("key store", "watch", "there is none yet", "it is made when the services first start")
            return
        if not master.exists():
            remedy = f"restore {master} from where you keep it; without it nothing sealed can be read, by anybody"
            yield Finding("key store", "wrong", f"{MASTER} is missing", remedy)
            return
        if master.stat().st_mode & PLAINLY_READABLE:
            yield Finding("key store", "wrong", f"others on this machine may read {MASTER}", f"chmod 600 {master}")
        yield from self._tenants(folder, store)

    def store(self, service: str) -> Iterator[Finding]:
        """Whether the service's database is of the version this program knows."""
        path, known = self._database(service), len(self._migrations[service])
        if not path.exists():
            yield Finding(f"{service} store", "watch", "there is none yet", "it is made when the service first starts")
            return
        found = _version(path)
        said = f"schema {found}, {_size(path.stat().st_size)}"
        if found > known:
            remedy = "update this program to the version that wrote it"
            yield Finding(f"{service} store", "wrong", f"{said}; this program knows {known}", remedy)
        elif found < known:
            remedy = "start the service: it brings its store up to date"
            yield Finding(f"{service} store", "watch", f"{said}; this program knows {known}", remedy)
        else:
            yield Finding(f"{service} store", "good", said)

    def clock(self) -> Iterator[Finding]:
        """Whether the clock stands behind what was recorded by it."""
        latest = max((self._latest(service) for service in ("mastery", "credentials")), default=0)
        ahead_s = (from_micros(latest) - self._clock.now()).total_seconds()
        if ahead_s > AHEAD_S_MAX:
            said = f"it is {ahead_s:,.0f} s behind what was recorded up to {format_instant(from_micros(latest))}"
            yield Finding("clock", "wrong", said, "set this machine's clock (NTP); nothing recorded is changed by that")
        else:
            yield Finding("clock", "good", "not behind what was recorded")

    def waiting(self) -> Iterator[Finding]:
        """What waits for a person."""
        rows = self._rows("ingest", "SELECT outcome, sum(count) FROM tally GROUP BY outcome")
        counts = {outcome: count for outcome, count in rows if count}
        for outcome, remedy in WAITING.items():
            if count := counts.get(outcome, 0):
                yield Finding("ingest", "watch", f"{count:,} {outcome}", remedy)
        for service in ("mastery", "credentials"):
            for topic, count in self._rows(service, "SELECT topic, count(*) FROM dead_letter GROUP BY topic"):
                said = f"{count:,} events of {topic} could not be read and were set aside"
                yield Finding(service, "watch", said, "they are kept whole; report this with its log")

    def _tenants(self, folder: Path, store: Path) -> Iterator[Finding]:
        if (found := _version(store)) != len(keys_schema.MIGRATIONS):
            remedy = "start the services of this version first, or update this program"
            yield Finding(
                "key store", "watch", f"schema {found}, this program knows {len(keys_schema.MIGRATIONS)}", remedy
            )
            return
        if not (folder / RING).exists():
            remedy = f"restore {RING}: it holds the wrap key of every tenant, and nothing opens without it"
            yield Finding("key store", "wrong", f"{RING} is missing", remedy)
            return
        with _reading(store) as connection:
            tenants = [tenant for (tenant,) in connection.execute("SELECT tenant FROM tenant ORDER BY tenant")]
        with closing(SqliteKeyStore(folder)) as opened:
            closed = [tenant for tenant in tenants if not opened.opens(tenant)]
        for tenant in closed:
            remedy = f"{MASTER} is not the one that sealed it: restore {MASTER}, {RING} and {KEY_STORE} of the same day"
            yield Finding("key store", "wrong", f"the key of {tenant} does not open", remedy)
        if not closed:
            yield Finding("key store", "good", f"opens for {len(tenants)} tenants")

    def _latest(self, service: str) -> int:
        found = self._rows(service, "SELECT coalesce(max(known_to), 0) FROM partition_state")
        return int(found[0][0]) if found else 0

    def _rows(self, service: str, query: str) -> list[tuple[str, int]]:
        path = self._database(service)
        if not path.exists():
            return []
        with _reading(path) as connection:
            return connection.execute(query).fetchall()

    def _database(self, service: str) -> Path:
        return self._path / service / f"{service}.db"


WAITING = {
    "parked": "their learners are unknown: import a roster, or wayproof learner link",
    "held": "their package has a faulty row: wayproof quarantine list says which",
    "quarantined": "they could not be read: wayproof quarantine list says why",
}


def _told_keys(entries: Sequence[Entry], now: datetime) -> Finding:
    valid = sum(entry.valid_at(now) for entry in entries)
    if not valid:
        return Finding("access register", "watch", "no valid key: nobody can call", "wayproof key add")
    return Finding("access register", "good", f"{valid} valid keys of {len(entries)}")


def _version(path: Path) -> int:
    with _reading(path) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    uri = f"{path.absolute().as_uri()}?mode=rw"  # a reader of a write-ahead log writes its index, and nothing else
    with closing(sqlite3.connect(uri, uri=True, timeout=5)) as connection:
        connection.execute("PRAGMA query_only = ON")
        yield connection


def _size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:
            return f"{count:,.0f} {unit}"
        count /= 1024
    return f"{count:,.1f} GiB"
