"""The running service each test gets."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ingest.house import FORM_MAPPING, LINE_MAPPING, House, furnished


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A service whose catalogue is published."""
    with furnished(tmp_path) as made:
        yield made


@pytest.fixture
def employer(house: House) -> tuple[str, str]:
    """A source with a webhook secret."""
    source = house.source("employer", FORM_MAPPING)
    return source, house.secret(source)


@pytest.fixture
def school(house: House) -> str:
    """A source that streams."""
    return house.source("virtual", LINE_MAPPING, "virtual")
