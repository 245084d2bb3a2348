"""Records opened ahead of their turn are decided in it, each by itself, as if nobody had looked."""

from typing import Any
from uuid import UUID, uuid5

import pytest

from contracts.envelope import log_key
from services.credentials.signing.signer import Signer
from services.credentials.use_cases import ahead
from services.runtime.log.partition import partition_of
from tests.credentials.school import ANA, TENANT, School
from tests.credentials.test_failures import dead_letters

pytestmark = pytest.mark.usefixtures("either_store")


def learners(count: int) -> list[UUID]:
    """Of one partition."""
    everybody = (uuid5(ANA, str(n)) for n in range(1000))
    return [one for one in everybody if partition_of(log_key(TENANT, str(one)), 4) == 1][:count]


def test_what_cannot_be_asked_ahead_is_asked_in_its_turn(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> list[tuple[UUID, UUID]]:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(ahead, "_awards", fails)
    school.put()
    for learner in learners(3):
        school.says(school.met(), learner)
    school.settle()
    assert [len(school.credentials(one)) for one in learners(3)] == [1, 1, 1]
    assert dead_letters(school) == []


def test_what_is_wrong_with_a_record_costs_that_record(school: School) -> None:
    school.put()
    first, erased, last = learners(3)
    for learner in (first, erased):
        school.says(school.met(), learner)
    school.append(b"{}", log_key(TENANT, str(first)))
    school.says(school.met(), last)
    school.says(school.lapsed(), first)
    school.keys.destroy_learner_key(TENANT, erased)
    school.settle()
    assert [[one["revoked"] for one in school.credentials(learner)] for learner in (first, last)] == [[True], [False]]
    assert dead_letters(school) == ["malformed-envelope"]
    assert len(school.published()) == 3


def test_a_key_destroyed_after_its_record_was_opened_seals_nothing(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    school.put()
    first, erased, last = learners(3)
    for learner in (first, erased, last):
        school.says(school.met(), learner)
    real = Signer.credential

    def destroying(signer: Signer, *arguments: Any) -> bytes:
        school.keys.destroy_learner_key(TENANT, erased)
        return real(signer, *arguments)

    monkeypatch.setattr(Signer, "credential", destroying)
    school.settle()
    database = school.service.app.state.parts.tools.queries
    assert [len(database.credentials_of(TENANT, one)) for one in (first, erased, last)] == [1, 0, 1]
    assert dead_letters(school) == []


@pytest.mark.parametrize("at_once", [1, 2, 100])
def test_how_many_are_opened_at_a_time_changes_nothing(
    school: School, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(ahead, "LOOK_AHEAD_MAX", at_once)
    school.put()
    some = learners(5)
    for learner in some:
        school.says(school.met(), learner)
        school.says(school.lapsed(), learner)
        school.says(school.met(cycle=2), learner)
    school.says(school.lapsed(cycle=2, cause="merge"), some[2])
    school.says(school.lapsed(cycle=2), some[3])
    school.settle()
    revoked = [sum(bool(one["revoked"]) for one in school.credentials(learner)) for learner in some]
    assert revoked == [1, 1, 1, 2, 1]
    assert [one["learner"] for one in school.awards()] == [str(some[2])]
