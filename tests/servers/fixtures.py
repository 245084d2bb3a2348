"""The session's Kafka and PostgreSQL: started by the first test that asks, shared by all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.broker import Broker
from tests.servers.postgres import Postgres

NEEDS_A_SERVER = {"kafka", "postgres"}


@pytest.fixture(scope="session")
def kafka() -> Iterator[Broker]:
    """One broker for the session; make a topic of your own."""
    with Broker() as broker:
        yield broker.start()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One cluster for the session; take a database of your own with `fresh`."""
    with Postgres(fsync="off", synchronous_commit="on") as cluster:
        yield cluster.start()


def mark(items: list[pytest.Item]) -> None:
    """Whatever uses a server is marked so, without anybody having to think of it."""
    for item in items:
        if NEEDS_A_SERVER & set(getattr(item, "fixturenames", ())):
            item.add_marker("servers")
