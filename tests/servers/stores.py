"""`pytest --store postgres tests/ingest`: a suite's services keep their stores on PostgreSQL instead of in files.

Each file a service would have opened is a schema of its own, so that opening it again finds what was there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from hashlib import sha256
from pathlib import Path

import pytest

from services.ingest.storage.schema import SEEN_WITH
from services.runtime import opening, tenancy
from services.runtime.store import postgres
from services.runtime.store.postgres import PostgresDatabase
from services.runtime.store.postgres_schema import migrate
from services.runtime.tenancy import seen


def add_option(parser: pytest.Parser) -> None:
    """What is said on the command line."""
    said = "Where the services a test builds keep their stores."
    parser.addoption("--store", choices=["sqlite", "postgres"], default="sqlite", help=said)


def leave_out(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What looks at files has nothing to look at on a server."""
    if config.getoption("--store") == "postgres":
        left_out = [item for item in items if item.get_closest_marker("in_files")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session", autouse=True)
def whose_rows() -> Iterator[None]:
    """What a test does itself, or in a thread of its own, is not told whose rows it may see: it sees all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgres, "seen", lambda: tenancy.Seen(every="a test") if seen() == tenancy.NOBODYS else seen())
        yield


@pytest.fixture(autouse=True)
def nobodys_again() -> Iterator[None]:
    """What a test called here may have said whose rows it sees: the next one has said nothing."""
    yield
    tenancy.see_only()


@pytest.fixture(scope="session", autouse=True)
def chosen_store(request: pytest.FixtureRequest) -> Iterator[None]:
    """Nothing, unless `--store postgres` was said."""
    if request.config.getoption("--store") != "postgres":
        yield
        return
    with _on_server(request):
        yield


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def either_store(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that uses this runs twice: with its services' stores in files, and on PostgreSQL."""
    with _on_server(request) if request.param == "postgres" else nullcontext():
        yield


@contextmanager
def _on_server(request: pytest.FixtureRequest) -> Iterator[None]:
    url = request.getfixturevalue("postgres").fresh()

    def on_server(path: Path, migrations: Sequence[str]) -> PostgresDatabase:
        schema = f"{path.stem}_{sha256(str(path).encode()).hexdigest()[:16]}"
        migrate(url, schema, migrations, SEEN_WITH)
        return PostgresDatabase(url, schema, migrations)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "SqliteDatabase", on_server)
        yield
