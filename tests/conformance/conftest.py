"""The stores every suite here runs on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conformance.stores import Store

BACKENDS = ["sqlite", pytest.param("postgres", marks=pytest.mark.servers)]


@pytest.fixture(scope="session")
def store_url(postgres) -> str:
    """One database for the session; each store makes a schema of its own in it."""
    return postgres.fresh()


@pytest.fixture(scope="session", params=BACKENDS)
def new_store(request) -> Callable[[Path], Store]:
    """An empty store with its keys in a folder."""
    url = request.getfixturevalue("store_url") if request.param == "postgres" else None
    return lambda folder: Store(folder, url)


@pytest.fixture
def files(new_store, tmp_path: Path) -> Iterator[Store]:
    files = new_store(tmp_path)
    yield files
    files.close()
