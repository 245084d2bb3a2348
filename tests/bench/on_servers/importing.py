"""Webhooks beside another tenant's import, on Kafka and PostgreSQL."""

from pathlib import Path

from tests.bench import importing
from tests.bench.figure import Figure
from tests.bench.on_servers.system import running_on_servers
from tests.support.office import Office


def measure(folder: Path) -> list[Figure]:
    """One figure."""
    with running_on_servers(folder) as site:
        offices = Office(site.system, importing.BIG), Office(site.system, importing.SMALL)
        return [importing.watched(*offices, folder, "servers")]
