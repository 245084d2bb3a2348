"""Commits that fail or whose outcome is unknown, full lists, unsignable words, and two hands on one partition."""

import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any
from uuid import UUID

import pytest

from services.credentials.storage.schema import MIGRATIONS
from services.credentials.use_cases import award as awarding
from services.credentials.use_cases import work as working
from services.runtime.opening import open_store
from services.runtime.settings import RuntimeSettings, load
from services.runtime.store.database import StoreUnavailable
from services.runtime.store.partition import StoredPartition
from services.runtime.store.port import Batch
from tests.credentials.school import ANA, BEN, DIPLOMA, School, achieved

pytestmark = pytest.mark.usefixtures("either_store")

LEARNERS = [UUID(int=9000 + n) for n in range(12)]


def dead_letters(school: School) -> list[str]:
    database = open_store(load(RuntimeSettings, data_dir=school.folder), "credentials", MIGRATIONS)
    with closing(database), database.read() as cursor:
        return [row[0] for row in cursor.execute("SELECT reason FROM dead_letter").fetchall()]


@pytest.mark.parametrize("written", [False, True], ids=["nothing was written", "everything was written"])
def test_a_commit_that_fails_once_issues_each_credential_once(
    school: School, monkeypatch: pytest.MonkeyPatch, written: bool
) -> None:
    school.put()
    school.settle()
    commit, failures = StoredPartition.commit, [1]

    def fail_once(store: StoredPartition, batch: Batch) -> None:
        if written or not failures:
            commit(store, batch)
        if failures:
            failures.pop()
            raise OSError("the disk did not say")

    monkeypatch.setattr(StoredPartition, "commit", fail_once)
    school.says(school.met())
    assert school.consumer.step() == 0  # type: ignore[attr-defined]
    assert "OSError" in school.service.ready()["consumer mastery.learner"]
    school.settle()
    assert school.service.ready() == {}
    assert len(school.credentials()) == 1
    assert len(school.published()) == 1


def test_a_full_list_is_followed_by_the_next(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awarding, "POSITIONS", 2)
    school.put()
    for learner in LEARNERS:
        school.says(school.met(), learner)
    school.settle()
    school.restart()
    school.says(school.met())
    school.settle()
    issued = [one for learner in [*LEARNERS, ANA] for one in school.credentials(learner)]
    places = [(one["status_list"], one["status_index"]) for one in issued]
    assert len(set(places)) == len(places) == 13
    by_list = [sum(1 for where, _ in places if where == one) for one in {where for where, _ in places}]
    assert max(by_list) == 2


def test_words_that_cannot_be_signed_are_set_aside_whole_and_others_go_on(school: School) -> None:
    school.put()
    school.says(school.met(levels=(achieved(statement="form\x0cfeed"),)))
    school.says(school.met(), BEN)
    school.settle()
    assert dead_letters(school) == ["control-character"]
    assert school.awards("proposed", "granted", "issued") == school.awards("issued")
    assert [len(school.credentials(one)) for one in (ANA, BEN)] == [0, 1]


def test_a_record_on_which_deciding_fails_is_set_aside_whole_and_others_go_on(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug costs the record that meets it, and not everything that is behind it in its partition."""
    decide = working.decide

    def failing(command: Any, award: Any) -> Any:
        if getattr(command, "learner", None) == ANA:
            raise ZeroDivisionError
        return decide(command, award)

    school.put()
    monkeypatch.setattr(working, "decide", failing)
    school.says(school.met())
    school.says(school.met(), BEN)
    school.settle()
    assert dead_letters(school) == ["decision-failed"]
    assert [len(school.credentials(one)) for one in (ANA, BEN)] == [0, 1]


@pytest.mark.parametrize("trouble", [StoreUnavailable("gone"), OSError(28, "full")])
def test_trouble_with_a_server_while_deciding_is_tried_again_for_ever(
    school: School, monkeypatch: pytest.MonkeyPatch, trouble: BaseException
) -> None:
    decide, left = working.decide, [None] * 5

    def troubled(command: Any, award: Any) -> Any:
        if left:
            left.pop()
            raise trouble
        return decide(command, award)

    school.put()
    school.settle()
    monkeypatch.setattr(working, "decide", troubled)
    school.says(school.met())
    for _ in range(len(left) + 1):
        school.consumer.step()  # type: ignore[attr-defined]
    school.settle()
    assert (left, dead_letters(school)) == ([], [])
    assert len(school.credentials()) == 1


def test_granting_what_cannot_be_signed_is_refused_and_changes_nothing(school: School) -> None:
    school.put("diploma", DIPLOMA)
    school.says(school.met(levels=(achieved(statement="form\x0cfeed"),)))
    school.settle()
    [award] = school.awards()
    problem = school.decide(award["award"], "grant", status=409)
    assert (problem["detail"], problem["type"]) == ("control-character", "/problems/credential-not-signable")
    assert school.awards() == [award]
    school.decide(award["award"], "decline")


def test_requests_and_the_log_take_turns_on_a_partition(school: School) -> None:
    school.put("diploma", DIPLOMA)
    school.put()
    for learner in LEARNERS:
        school.says(school.met(), learner)
    school.settle()
    for learner in LEARNERS:
        school.says(school.met(cycle=2), learner)
    proposed = [award["award"] for award in school.awards("proposed")]
    faults: list[BaseException] = []
    work: list[Callable[[], object]] = [lambda award=award: school.decide(award, "grant") for award in proposed]
    threads = [threading.Thread(target=trying, args=(one, faults)) for one in [*work, school.settle]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    school.settle()
    issued = [one for learner in LEARNERS for one in school.credentials(learner)]
    assert len(issued) == 3 * len(LEARNERS)
    assert len({(one["status_list"], one["status_index"]) for one in issued}) == len(issued)
    assert len(school.published()) == len(issued)


def trying(work: Callable[[], object], faults: list[BaseException]) -> None:
    try:
        work()
    except BaseException as fault:
        faults.append(fault)
