"""Awards after a merge: in whatever order mastery's partitions say it, one credential, the same bytes, one holder."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest

from contracts.credentials_v1 import CredentialRevokedV1
from contracts.envelope import PublicEvent, log_key
from services.credentials.use_cases import follow
from services.runtime.log.partition import partition_of
from tests.credentials.school import DIPLOMA, TENANT, WELDER, School

ANA = UUID(int=0xA)


def other(*, same_partition: bool) -> UUID:
    """Somebody whose events lie in the same partition as Ana's, or in another."""
    place = partition_of(log_key(TENANT, str(ANA)), 4)
    found = (uuid5(ANA, str(n)) for n in range(1000))
    return next(one for one in found if (partition_of(log_key(TENANT, str(one)), 4) == place) is same_partition)


@pytest.fixture
def school(tmp_path: Path) -> Iterator[School]:
    made = School(tmp_path)
    assert made.log.partitions == 4
    made.put()
    made.says(made.met())
    made.settle()
    yield made
    made.service.close()


def merged(event: PublicEvent, other_learner: UUID | None) -> PublicEvent:
    return event.model_copy(update={"merged_with": other_learner})


def held(school: School, learner: UUID) -> list[dict[str, Any]]:
    return [one for one in school.credentials(learner) if one["holder"] == str(learner)]


CASES = list(product(("lapse", "met"), (True, False), ("one batch", "apart")))


@pytest.mark.parametrize(("first", "same_partition", "batches"), CASES)
def test_in_either_order_the_survivor_has_the_same_credential_and_nothing_waits(
    school: School, first: str, same_partition: bool, batches: str
) -> None:
    ben = other(same_partition=same_partition)
    (before,) = school.credentials()
    content, published = school.content(before), len(school.published())
    steps = [(school.lapsed(cause="merge"), ANA, ben), (school.met(cause="merge"), ben, ANA)]
    for event, learner, with_whom in steps if first == "lapse" else reversed(steps):
        school.says(merged(event, with_whom), learner, times=2)  # type: ignore[arg-type]
        if batches == "apart":
            school.settle()
    school.settle()

    (after,) = held(school, ben)
    assert (after["credential"], after["standing"], after["revoked"]) == (before["credential"], "issued", False)
    assert school.content(after) == content
    assert held(school, ANA) == []
    assert school.credentials() == [after], "the old pseudonym's list names who has it"
    assert school.awards() == []
    assert len(school.published()) == published, "nothing was issued and nothing revoked"


@pytest.mark.parametrize("same_partition", [True, False])
def test_a_transferred_award_lapses_with_its_holder_and_by_the_holders_cause(
    school: School, same_partition: bool
) -> None:
    ben = other(same_partition=same_partition)
    school.says(merged(school.lapsed(cause="merge"), ben))
    school.says(merged(school.met(cause="merge"), ANA), ben)
    school.settle()
    school.says(school.lapsed(cause="retraction", cycle=2), ben)
    school.settle()
    assert held(school, ben)[0]["standing"] == "issued", "another cycle than the one it answers to"

    school.says(school.lapsed(cause="retraction"), ben)
    school.settle()

    assert held(school, ben)[0]["revoked"]
    assert isinstance(school.published()[-1], CredentialRevokedV1)


def test_a_survivor_that_does_not_meet_it_leaves_the_decision_to_a_person(school: School) -> None:
    ben = other(same_partition=False)
    school.says(merged(school.lapsed(cause="merge"), ben))
    school.settle()
    (waiting,) = school.awards()
    assert (waiting["standing"], waiting["lapse"]["cause"]) == ("revocation_proposed", "merge")

    school.says(school.met(cause="evidence"), ben)
    school.settle()

    assert school.awards() == []
    assert len(held(school, ben)) == 1


def test_what_a_person_has_revoked_is_not_transferred(school: School) -> None:
    ben = other(same_partition=True)
    school.says(merged(school.lapsed(cause="merge"), ben))
    school.settle()
    school.decide(school.awards()[0]["award"], "revoke")
    school.says(merged(school.met(cause="merge"), ANA), ben)
    school.settle()
    (own,) = held(school, ben)
    assert own["credential"] != school.credentials()[0]["credential"]
    assert (own["revoked"], held(school, ANA)[0]["revoked"]) == (False, True)


@pytest.mark.parametrize(("first", "same_partition"), list(product(("lapse", "met"), (True, False))))
def test_unmerged_the_award_goes_home_and_the_survivors_own_stays(
    school: School, first: str, same_partition: bool
) -> None:
    ben = other(same_partition=same_partition)
    school.says(school.met(), ben)
    school.says(merged(school.lapsed(cause="merge"), ben))
    school.settle()
    assert len(held(school, ben)) == 2
    home = next(one for one in held(school, ben) if one in school.credentials(ANA))

    steps = [(school.met(cause="merge", cycle=2), ANA), (school.lapsed(cause="merge"), ben)]
    for event, learner in steps if first == "met" else reversed(steps):
        school.says(event, learner)
        school.settle()

    (back,) = held(school, ANA)
    assert (back["credential"], back["standing"]) == (home["credential"], "issued")
    (own,) = held(school, ben)
    assert own["standing"] == "revocation_proposed", "ben's own lapsed too, and that only ever proposes"


@pytest.mark.parametrize("same_partition", [True, False])
def test_an_award_that_came_home_lapses_with_the_meeting_it_answers_to_by_then(
    school: School, same_partition: bool
) -> None:
    ben = other(same_partition=same_partition)
    school.says(merged(school.lapsed(cause="merge"), ben))
    school.says(merged(school.met(cause="merge"), ANA), ben)
    school.settle()
    school.says(school.lapsed(cause="merge"), ben)
    school.says(school.met(cause="merge", cycle=2))
    school.settle()
    school.put(body=WELDER | {"description": "Welds steel safely."})
    school.settle()
    assert [one["standing"] for one in held(school, ANA)] == ["issued"], "nothing is awarded beside it"

    school.says(school.lapsed(cause="retraction", cycle=2))
    school.settle()

    assert [one["revoked"] for one in held(school, ANA)] == [True]


def test_a_kill_between_transfer_and_what_follows_is_made_good(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    ben = other(same_partition=False)
    school.says(merged(school.met(cause="merge"), ANA), ben)
    school.says(merged(school.lapsed(cause="merge"), ben))
    monkeypatch.setattr(follow, "award_all", lambda *_: (_ for _ in ()).throw(MemoryError("killed")))
    with pytest.raises((MemoryError, AssertionError)):
        school.settle()
    monkeypatch.undo()
    school.restart()
    school.settle()
    assert len(held(school, ben)) == 1
    assert held(school, ANA) == []


def test_an_achievement_defined_again_is_not_awarded_beside_the_transferred_one(school: School) -> None:
    ben = other(same_partition=False)
    school.says(merged(school.lapsed(cause="merge"), ben))
    school.says(merged(school.met(cause="merge"), ANA), ben)
    school.settle()
    school.put(body=WELDER | {"description": "Welds steel safely."})
    school.settle()
    assert len(held(school, ben)) == 1


def test_a_diploma_that_waits_for_a_person_is_withdrawn_there_and_proposed_here(tmp_path: Path) -> None:
    school = School(tmp_path)
    school.put("diploma", DIPLOMA)
    ben = other(same_partition=False)
    school.says(school.met())
    school.says(merged(school.met(cause="merge"), ANA), ben)
    school.says(merged(school.lapsed(cause="merge"), ben))
    school.settle()
    (waiting,) = school.awards()
    assert (waiting["learner"], waiting["standing"]) == (str(ben), "proposed")
    school.service.close()
