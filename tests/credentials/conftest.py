"""A fresh credential service for each test that asks for one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.credentials.school import School


@pytest.fixture
def school(tmp_path: Path) -> Iterator[School]:
    school = School(tmp_path)
    yield school
    school.service.close()
