"""The three services on a Kafka and a PostgreSQL of their own, made ready by the commands an operator uses."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.memory import processor_s
from tests.bench.on_servers.cluster import durable_postgres, family_s
from tests.servers import Broker, Postgres
from tests.support.processes import SERVICES, Wayproof
from tests.support.watch import Store


class OnServers(Wayproof):
    """Looked at past row-level security."""

    def __init__(self, data: Path, url: str, environment: dict[str, str]) -> None:
        super().__init__(data, environment)
        self._url = url

    @property
    def store(self) -> Store:
        return self._url


@dataclass
class Site:
    """The services and their servers."""

    system: OnServers
    postgres: Postgres
    broker: Broker

    def used_s(self) -> dict[str, float]:
        """Seconds of processor time so far, of each service and server."""
        services = {service: processor_s(self.system.pid(service)) for service in SERVICES}
        return services | {"PostgreSQL": family_s(self.postgres.pid), "Kafka": processor_s(self.broker.pid)}

    @contextmanager
    def standing_still(self, *services: str) -> Iterator[None]:
        """These do nothing for the length of a block."""
        pids = [self.system.pid(service) for service in services]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)


def told_us(before: dict[str, float], after: dict[str, float], pieces: int) -> str:
    """Where the processor time of a piece went."""
    return ", ".join(f"{name} {1e6 * (after[name] - before[name]) / pieces:.0f} µs" for name in before)


@contextmanager
def running_on_servers(folder: Path) -> Iterator[Site]:
    """Everything for the length of a block; it stops in order, and says so."""
    with durable_postgres() as postgres, Broker() as broker:
        broker.start()
        url = postgres.fresh()
        told = {"WAYPROOF_STORE_URL": url, "WAYPROOF_LOG_URL": f"kafka://{broker.bootstrap}"}
        system = OnServers(folder / "data", url, told)
        for command in (("migrate",), ("topics", "--replicas", "1")):
            made = system.command(*command)
            assert made.returncode == 0, made.stderr
        system.start()
        try:
            yield Site(system, postgres, broker)
        except BaseException:
            system.kill()
            raise
        assert system.stop() == 0, "the system stopped in order"
