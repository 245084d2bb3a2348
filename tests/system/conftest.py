"""Every test here runs the real three services, on a data folder of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.office import Office
from tests.support.processes import running

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is in this folder is a system test, whoever forgets to say so."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.system)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """The office of a fresh system; when the test is over the system has to stop in order."""
    with running(tmp_path / "data") as system:
        yield Office(system)
