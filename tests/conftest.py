"""What every test module stands on."""

from collections.abc import Iterator
from typing import Any

import pytest

from services.runtime.store.sqlite import Database
from tests.servers import fixtures
from tests.servers.fixtures import kafka, postgres

__all__ = ["kafka", "postgres"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Before anything is selected by its marks."""
    fixtures.mark(items)


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_left_open() -> Iterator[None]:
    """A process ends with its files; a test module that builds services in this one closes them when it ends."""
    opened: list[Database] = []
    opening = Database.__init__

    def noted(self: Database, *arguments: Any, **options: Any) -> None:
        opening(self, *arguments, **options)
        opened.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "__init__", noted)
        yield
    for database in opened:
        database.close()
