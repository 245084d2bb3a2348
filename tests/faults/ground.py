"""What the services stand on: a PostgreSQL and a Kafka of the harness's own, each behind a proxy, on small disks."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.proxy import FaultProxy
from tests.faults.sight import Sight
from tests.servers import Broker, Postgres
from tests.servers.backends import prepared
from tests.servers.cluster import Cluster
from tests.servers.places import free_port, unprivileged_user
from tests.servers.server import at_once
from tests.support.processes import wait_for

BALLAST = "ballast"
RECOVERS_WITHIN_S = 120.0


@dataclass
class Disk:
    """A small file system of a server's own; none where this process may not mount."""

    folder: Path
    bytes_max: int
    mounted: bool = False

    def mount(self) -> None:
        """Ours alone: the harness runs in a mount namespace of its own, which ends with it."""
        self.folder.mkdir(exist_ok=True)
        owner = unprivileged_user()
        if owner is None or not os.environ.get(OWN_MOUNTS):
            return
        how = f"size={self.bytes_max},mode=700,uid={_id('u', owner)},gid={_id('g', owner)}"
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", how, "none", str(self.folder)], capture_output=True)
        self.mounted = done.returncode == 0

    def fill(self) -> int:
        """Until nothing more goes in; the bytes that did."""
        left = shutil.disk_usage(self.folder).free
        with (self.folder / BALLAST).open("wb", buffering=0) as file:
            for piece in (2**20, 4096):
                with suppress(OSError):
                    while file.write(bytes(piece)) == piece:
                        continue
        return left

    def free(self) -> None:
        """As it was."""
        (self.folder / BALLAST).unlink(missing_ok=True)

    def unmount(self) -> None:
        """Nothing is left of it."""
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.folder)], capture_output=True)


OWN_MOUNTS = "WAYPROOF_FAULTS_OWN_MOUNTS"


def _id(kind: str, user: str) -> str:
    return subprocess.run(["id", f"-{kind}", user], capture_output=True, text=True, check=True).stdout.strip()


@dataclass
class Ground:
    """Both servers, the proxies that lead to them, and their disks."""

    postgres: Postgres
    broker: Broker
    to_postgres: FaultProxy
    to_broker: FaultProxy
    disks: dict[str, Disk]
    others: tuple[Broker, ...] = ()  # brokers beside this one, so that it may die without a stop
    superuser_url: str = ""
    settings: dict[str, str] = field(default_factory=dict)

    def proxy(self, whom: str) -> FaultProxy:
        """The one that leads to it."""
        return self.to_postgres if whom == "postgresql" else self.to_broker

    def says(self) -> list[str]:
        """Which servers run."""
        brokers = [f"broker {broker.node}" for broker in (self.broker, *self.others) if broker.running]
        return [f"running: {', '.join(['PostgreSQL'] * self.postgres.running + brokers)}"]

    def wake(self, whom: str) -> None:
        """Start the server again if it is down; a PostgreSQL that recovers by itself is waited for."""
        if whom == "kafka":
            if not self.broker.running:
                self.broker.start()
            return
        if not self.postgres.running:
            self.postgres.start()
        with closing(Sight(self.superuser_url)) as sight:
            wait_for(sight.answers, RECOVERS_WITHIN_S, "PostgreSQL has recovered")


@contextmanager
def ground(pieces: int) -> Iterator[Ground]:
    """Everything up, topics and schemas made."""
    port = free_port()
    with FaultProxy("127.0.0.1", port) as to_broker, Postgres(max_wal_size="256MB") as postgres:
        advertised = f"PLAINTEXT://127.0.0.1:{to_broker.port}"
        with (
            Broker(ports=(port, free_port()), advertised_listeners=advertised) as broker,
            FaultProxy("127.0.0.1", postgres.port) as to_postgres,
        ):
            disks = {
                "postgresql": Disk(postgres.data, 1_000_000_000 + 24_000 * pieces),
                "kafka": Disk(broker.data, 500_000_000 + 8_000 * pieces),
            }
            try:
                yield from _up(Ground(postgres, broker, to_postgres, to_broker, disks))
            finally:
                postgres.stop("immediate")
                broker.kill()
                for disk in disks.values():
                    disk.unmount()


@contextmanager
def ground_of_three(pieces: int) -> Iterator[Ground]:
    """Three brokers, every record on all and acknowledged by two; nothing else is done to anything here."""
    with (
        Cluster() as cluster,
        Postgres() as postgres,
        FaultProxy("127.0.0.1", postgres.port) as to_postgres,
        FaultProxy("127.0.0.1", cluster.brokers[1].port) as to_broker,
    ):
        at_once(cluster.start, postgres.start)
        one, dies, other = cluster.brokers
        made = Ground(postgres, dies, to_postgres, to_broker, {}, (one, other), postgres.fresh())
        with prepared(cluster.bootstrap, made.superuser_url, replicas=len(cluster.brokers)) as made.settings:
            yield made


def _up(made: Ground) -> Iterator[Ground]:
    for disk in made.disks.values():
        disk.mount()
    at_once(made.postgres.start, made.broker.start)
    made.superuser_url = made.postgres.fresh()
    through = made.superuser_url.replace(f":{made.postgres.port}/", f":{made.to_postgres.port}/")
    with prepared(f"127.0.0.1:{made.to_broker.port}", through) as settings:
        made.settings = settings
        yield made
