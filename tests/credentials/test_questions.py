"""A batch asks the databases a number of questions that does not grow with what is in it."""

from typing import Any
from uuid import UUID, uuid5

import psycopg
import pytest

from contracts.envelope import PublicEvent, log_key
from services.runtime.log.partition import partition_of
from services.runtime.store.sqlite import SqliteCursor
from services.runtime.stored_keys import SqliteKeyStore
from tests.credentials.school import ANA, POLICY, TENANT, WELDER, School

pytestmark = pytest.mark.usefixtures("either_store")

QUESTIONS_MAX = 70  # with BEGIN, COMMIT and ROLLBACK, and what a process asks once: half of them
SWEEP_MAX = 100  # the same, and a transaction in each of three partitions where nobody is
BY_THE_CLOCK = "SELECT count FROM destroyed"  # twice a second, whatever is done


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that reaches a database, a pipelined one for each of its rows."""
    said: list[str] = []
    for cursor in (SqliteCursor, psycopg.Cursor):
        execute, executemany = cursor.execute, cursor.executemany  # type: ignore[attr-defined]

        def one(self: Any, sql: Any, *rest: Any, _execute: Any = execute, **options: Any) -> Any:
            said.append(str(sql))
            return _execute(self, sql, *rest, **options)

        def many(self: Any, sql: Any, rows: Any, *, _many: Any = executemany, **options: Any) -> Any:
            given = list(rows)
            said.extend([str(sql)] * (1 if isinstance(self, SqliteCursor) else len(given)))
            return _many(self, sql, given, **options)

        monkeypatch.setattr(cursor, "execute", one)
        monkeypatch.setattr(cursor, "executemany", many)
    return said


def learners(first: int, count: int) -> list[UUID]:
    """Of one partition, none of them met before."""
    everybody = (uuid5(ANA, str(n)) for n in range(first * 1000, (first + 1) * 1000))
    return [one for one in everybody if partition_of(log_key(TENANT, str(one)), 4) == 1][:count]


def in_one_batch(school: School, event: PublicEvent, some: list[UUID], asked: list[str]) -> int:
    """How many questions it takes a process that has just started."""
    for learner in some:
        school.says(event, learner)
    school.keys = SqliteKeyStore(school.folder / "keys", seed="school")
    school.restart()
    asked.clear()
    assert school.consumer.step() == len(some)  # type: ignore[attr-defined]
    return counted(asked)


def counted(asked: list[str]) -> int:
    """Without what is asked by the clock, and the BEGIN before it."""
    return len(asked) - 2 * asked.count(BY_THE_CLOCK)


@pytest.mark.parametrize("cause", ["retraction", "time"])
def test_many_awards_and_lapses_take_no_more_questions_than_some(school: School, asked: list[str], cause: str) -> None:
    school.put()
    first, some, many = learners(3, 1), learners(1, 10), learners(2, 60)
    in_one_batch(school, school.met(), first, asked)  # the tenant's own keys are made
    for event in (school.met(), school.lapsed(cause=cause), school.met(cycle=2)):
        few = in_one_batch(school, event, some, asked)
        assert in_one_batch(school, event, many, asked) <= few <= QUESTIONS_MAX
    assert [len(school.credentials(one)) for one in (*some, *many)] == [2] * 70


def test_a_sweep_of_many_takes_no_more_questions_than_one_of_some(school: School, asked: list[str]) -> None:
    school.put()
    groups = {"first": learners(3, 1), "some": learners(1, 10), "many": learners(2, 60)}
    took = {}
    for node, group in groups.items():
        in_one_batch(school, school.met(node=node), group, asked)
        for achievement in (node, f"{node}-again"):  # the second finds what the first has made
            school.put(achievement, WELDER | {"requirement": {"policy": POLICY, "node": node}})
            asked.clear()
            school.sweep.step()  # type: ignore[attr-defined]
            took[achievement] = counted(asked)
    assert took["many"] <= took["some"] <= SWEEP_MAX
    assert took["many-again"] <= took["some-again"] <= SWEEP_MAX
    assert [len(school.credentials(one)) for group in groups.values() for one in group] == [2] * 71
