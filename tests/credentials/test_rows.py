"""Rows of one transaction, written together and one by one, leave the same tables."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid5

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.credentials.domain.award import Award, Standing
from services.credentials.domain.events import RevocationProposed
from services.credentials.storage import rows
from services.credentials.storage.rows import Owner
from services.credentials.storage.schema import MIGRATIONS
from services.runtime.opening import open_store
from services.runtime.settings import RuntimeSettings, load
from services.runtime.store.database import Database
from services.runtime.store.port import Row
from tests.credentials.school import ANA, BEN, NOON, TENANT

Step = tuple[str, int, int]  # what happens, to which of a few rows, which of a few values it gets
pytestmark = pytest.mark.usefixtures("either_store")

TABLES = {
    "award": "id",
    "credential": "id",
    "met": "learner, requirement, cycle",
    "status_list": "list_id",
    "erased_learner": "learner",
}
WHAT = st.sampled_from(["stands", "issued", "moved", "revoked", "taken", "met", "lapsed", "erased"])
STEPS = st.lists(st.tuples(WHAT, st.integers(0, 3), st.integers(0, 3)), max_size=25)
LISTS = [("taken", 0, 0), ("taken", 1, 0)]  # before a credential is issued its place is taken


class RolledBack(Exception):
    """Nothing of an example stays for the next."""


@pytest.fixture
def database(tmp_path: Path) -> Iterable[Database]:
    (tmp_path / "credentials").mkdir()
    opened = open_store(load(RuntimeSettings, data_dir=tmp_path), "credentials", MIGRATIONS)
    yield opened
    opened.close()


def row_of(step: Step) -> Row:
    """The row a step leaves."""
    what, which, value = step
    owner = Owner(TENANT, (ANA, BEN)[which % 2], which % 2)
    award, credential, at = uuid5(ANA, str(which)), f"urn:{which}", NOON + timedelta(seconds=value)
    match what:
        case "stands":
            heir = RevocationProposed(award, "merge", ANA, NOON, heir=BEN) if value > 1 else None
            return rows.award_stands(award, owner, Award(list(Standing)[value], lapse=heir), at)
        case "issued":
            return rows.credential_issued(credential, award, owner, (f"list-{which % 2}", which), at, "tag", b"sealed")
        case "moved":
            return rows.credential_transferred(credential, UUID(int=value))
        case "revoked":
            return rows.credential_revoked(credential, at)
        case "taken":
            return rows.place_taken(f"list-{which % 2}", TENANT, 0, which % 2, value)
        case "met":
            return rows.requirement_met(owner, bytes([which]), 1, UUID(int=value), bytes([value]))
        case "lapsed":
            return rows.requirement_lapsed(owner, bytes([which]), 1)
    return rows.learner_erased(owner, UUID(int=value), at)


def as_it_happens(steps: list[Step]) -> list[Step]:
    """A credential is issued once, and before anything becomes of it."""
    issued: set[int] = set()
    told: list[Step] = []
    for what, which, value in steps:
        if what == "issued" and which in issued:
            continue
        if what in ("moved", "revoked") and which not in issued:
            continue
        issued |= {which} if what == "issued" else set()
        told.append((what, which, value))
    return told


def left_by(database: Database, before: list[Row], written: list[Row]) -> dict[str, list[tuple[object, ...]]]:
    """The tables after the rows of two transactions; then nothing of it stays."""
    found: dict[str, list[tuple[object, ...]]] = {}
    with suppress(RolledBack), database.write() as cursor:
        for row in [*before, *written]:
            row(cursor)
        for table, order in TABLES.items():
            found[table] = cursor.execute(f"SELECT * FROM {table} ORDER BY {order}").fetchall()
        raise RolledBack
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(before=STEPS, steps=STEPS)
def test_rows_written_together_leave_what_they_leave_one_by_one(
    database: Database, before: list[Step], steps: list[Step]
) -> None:
    told = as_it_happens([*LISTS, *before, *steps])
    known = [row_of(step) for step in told[: len(LISTS) + len(before)]]
    new = [row_of(step) for step in told[len(LISTS) + len(before) :]]
    assert left_by(database, known, rows.in_few_statements(new)) == left_by(database, known, new)


def test_many_rows_of_a_few_kinds_are_as_many_statements_as_kinds() -> None:
    told = [(what, which, value) for value in range(3) for which in range(4) for what in ("met", "stands", "taken")]
    assert len(rows.in_few_statements(map(row_of, told))) == 3


def test_a_row_of_another_kind_keeps_its_place() -> None:
    told = [("met", 0, 1), ("erased", 0, 1), ("met", 0, 2)]
    written = rows.in_few_statements(map(row_of, told))
    assert len(written) == 3
