"""From the log to stored facts, thresholds and what the other services are told."""

import pytest

from contracts.mastery_v1 import LevelReachedV1, RequirementLapsedV1, RequirementMetV1
from tests.mastery import sample
from tests.mastery.world import LEARNER, World, accepted, registered, retracted, revised
from tests.support.given import uid

POLICY = sample.document(
    {"C1": {"estimate": {"method": "highest"}}, "C2": {"estimate": {"method": "highest"}}},
    {"both": {"all_of": [{"leaf": "C1"}, {"leaf": "C2"}]}},
    policy={"effective_from": "2026-07-01"},
)


@pytest.fixture
def judged(world: World) -> World:
    world.put(POLICY)
    world.send(registered())
    world.settle()
    return world


def test_evidence_is_stored_evaluated_and_published(judged: World) -> None:
    judged.send(accepted("e1", "C1", "3"), accepted("e2", "C2", "4"))
    judged.settle()
    assert judged.history() == [
        "learner-admitted",
        "policy-adopted",
        "evidence-recorded",
        "level-reached",
        "evidence-recorded",
        "level-reached",
        "requirement-met",
    ]
    first, second, both = judged.published()
    assert isinstance(first, LevelReachedV1)
    assert isinstance(second, LevelReachedV1)
    assert isinstance(both, RequirementMetV1)
    assert both.evidence == (uid("e1"), uid("e2"))
    (policy,) = judged.about("standings")["policies"]
    assert [found["result"] for found in policy["competencies"]] == ["met", "met"]
    assert policy["requirements"] == [{"name": "both", "result": "met"}]
