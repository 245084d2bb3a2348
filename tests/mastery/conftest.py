"""The mastery service the tests of the service run against."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mastery.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.service.close()
