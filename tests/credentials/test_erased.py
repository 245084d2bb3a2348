"""An erased learner's awards: 410 with the event, while status lists, verdicts and everybody else stay as they are."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from contracts.envelope import log_key
from contracts.mastery_v1 import RecordErasedV1
from tests.credentials.school import ANA, BEN, TENANT, School
from tests.credentials.test_failures import dead_letters

EVENT = UUID(int=0xE)


@pytest.fixture
def school(tmp_path: Path) -> Iterator[School]:
    made = School(tmp_path)
    made.put()
    made.says(made.met())
    made.says(made.met(), BEN)
    made.settle()
    yield made
    made.service.close()


def erase(school: School, learner: UUID = ANA, *, key: bool = True, times: int = 1) -> None:
    if key:
        school.keys.destroy_learner_key(TENANT, learner)
    said, subject = RecordErasedV1(erased_by=EVENT), str(learner)
    value = school.mastery.clear(said, id=UUID(int=0xF), tenant=TENANT, subject=subject, time=school.clock.now())
    school.append(value, log_key(TENANT, subject), times=times)
    school.settle()


@pytest.mark.parametrize("key", [True, False])
def test_its_credentials_are_410_and_name_the_event(school: School, key: bool) -> None:
    (credential,) = school.credentials()
    erase(school, key=key, times=2)
    for path in (credential["href"], f"/v1/learners/{ANA}/credentials"):
        problem = school.get(path, status=410)
        assert (problem["type"], problem["event"]) == ("/problems/learner-erased", str(EVENT))
        assert "erased_at" in problem
    problem = school.decide(credential["award"], "revoke", status=410)
    assert problem["event"] == str(EVENT)
    assert dead_letters(school) == []


def test_its_status_stays_what_it_was_and_what_it_holds_is_still_valid(school: School) -> None:
    (credential,) = school.credentials()
    bundle, bytes_ = school.bundle(credential), school.content(credential)
    path = "/status/" + credential["status_list"].rpartition("/")[2]
    before = school.http.get(path).content
    erase(school)
    assert school.http.get(path).content == before
    verdict = school.call("POST", "/v1/verify", json=json.loads(bytes_))
    assert verdict["verified"] is True, verdict
    assert bundle["credential"] == json.loads(bytes_)


def test_everybody_else_keeps_the_same_bytes_and_lists_say_how_many_were_erased(school: School) -> None:
    (his,) = school.credentials(BEN)
    before = school.content(his)
    school.says(school.met(cycle=2))  # still on its way when the key goes
    erase(school)
    school.restart()
    assert school.content(his) == before
    listed = school.get("/v1/awards", params={"standing": ["issued"]})
    assert ([each["learner"] for each in listed["awards"]], listed["erased"]) == ([str(BEN)], 1)
    assert school.get(f"/v1/learners/{ANA}/credentials", status=410)["event"] == str(EVENT)


def test_an_award_that_was_made_for_somebody_erased_holds_up_nobody_who_has_it_now(school: School) -> None:
    """Ana was merged into Carl and taken apart again; the award stayed with Carl, sealed under Ana's key."""
    carl = UUID(int=0xC)
    school.says(school.lapsed(cause="merge").model_copy(update={"merged_with": carl}))
    school.says(school.met(cause="merge").model_copy(update={"merged_with": ANA}), carl)
    school.settle()
    assert [each["holder"] for each in school.credentials(carl)] == [str(carl)]
    erase(school)
    assert school.credentials(carl) == []
    school.says(school.lapsed(), carl)
    school.says(school.met(cycle=2), carl)
    school.settle()
    assert [each["cycle"] for each in school.credentials(carl)] == [2]
