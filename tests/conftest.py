"""What every test module stands on."""

from collections.abc import Iterator
from typing import Any

import pytest

from services.runtime.store.sqlite import SqliteDatabase
from tests.servers import fixtures, stores
from tests.servers.fixtures import kafka, postgres
from tests.servers.stores import chosen_store, either_store, nobodys_again, whose_rows

__all__ = ["chosen_store", "either_store", "kafka", "nobodys_again", "postgres", "whose_rows"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--store`."""
    stores.add_option(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Before anything is selected by its marks."""
    fixtures.mark(items)
    stores.leave_out(config, items)


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_left_open() -> Iterator[None]:
    """A process ends with its files; a test module that builds services in this one closes them when it ends."""
    opened: list[SqliteDatabase] = []
    opening = SqliteDatabase.__init__

    def noted(self: SqliteDatabase, *arguments: Any, **options: Any) -> None:
        opening(self, *arguments, **options)
        opened.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqliteDatabase, "__init__", noted)
        yield
    for database in opened:
        database.close()
