"""The awards around many learners are those around each."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID, uuid5

import pytest

from services.credentials.storage import around
from services.credentials.storage.queries import AwardRow, Queries
from services.credentials.storage.schema import MIGRATIONS
from services.runtime.opening import open_store
from services.runtime.settings import RuntimeSettings, load
from services.runtime.store.database import Database
from tests.credentials.school import ANA, TENANT

PUT = """
INSERT INTO award (id, tenant, learner, part, standing, changed_at, holder, heir) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
LEARNERS = [uuid5(ANA, f"around {n}") for n in range(210)]
MOVED_EACH, HEIR_EACH = 50, 70

pytestmark = pytest.mark.usefixtures("either_store")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    (tmp_path / "credentials").mkdir()
    opened = open_store(load(RuntimeSettings, data_dir=tmp_path), "credentials", MIGRATIONS)
    yield opened
    opened.close()


def fill(database: Database) -> None:
    """An award for each learner: some are the next learner's by now, some may yet be the one's after it."""
    rows = []
    for n, learner in enumerate(LEARNERS[:200]):
        holder = LEARNERS[n + 1] if n % MOVED_EACH == 0 else learner
        heir = LEARNERS[n + 2].bytes if n % HEIR_EACH == 0 else None
        rows.append((uuid5(learner, "award").bytes, TENANT, learner.bytes, n % 4, "issued", n, holder.bytes, heir))
    with database.write() as cursor:
        cursor.executemany(PUT, rows)


def awards_of(rows: Sequence[AwardRow]) -> list[UUID]:
    return [row.learner for row in rows]


@pytest.mark.parametrize("at_most", [around.AROUND_MAX, 3])
def test_each_learner_gets_its_own(database: Database, monkeypatch: pytest.MonkeyPatch, at_most: int) -> None:
    monkeypatch.setattr(around, "AROUND_MAX", at_most)
    fill(database)
    queries, asked = Queries(database), LEARNERS[:5]
    zero, one, two, three, four = asked
    held = around.held_by(queries, TENANT, asked)
    assert {who: awards_of(rows) for who, rows in held.items()} == {
        zero: [], one: [zero, one], two: [two], three: [three], four: [four],
    }  # fmt: skip
    moved = around.moved_around(queries, TENANT, asked)
    assert {who: awards_of(rows) for who, rows in moved.items()} == {
        zero: [zero], one: [zero], two: [zero], three: [], four: [],
    }  # fmt: skip
    assert around.held_by(queries, "gamma", asked) == {who: [] for who in asked}


def test_what_an_erased_learner_was_awarded_is_around_nobody(database: Database) -> None:
    fill(database)
    with database.write() as cursor:
        cursor.execute("INSERT INTO erased_learner VALUES (?, ?, ?, ?)", (TENANT, LEARNERS[0].bytes, ANA.bytes, 1))
    queries, asked = Queries(database), LEARNERS[:3]
    assert awards_of(around.held_by(queries, TENANT, asked)[LEARNERS[1]]) == [LEARNERS[1]]
    assert [rows for rows in around.moved_around(queries, TENANT, asked).values() if rows] == []
