"""A merge in a learner's record: what moves away is lost by it, what arrives is reached by it, and both say so."""

from dataclasses import replace

import pytest

from contracts.evidence_v1 import EvidenceRetractedV1
from contracts.learners_v1 import LearnersMergedV1, LearnersUnmergedV1
from contracts.mastery_v1 import LevelLostV1, RequirementLapsedV1
from services.mastery.domain.learner_record import RecordEvidence, WithdrawEvidence
from services.mastery.domain.thresholds import LevelLost, LevelReached, RequirementLapsed
from tests.mastery.sample import policy
from tests.mastery.test_assess import POLICY
from tests.mastery.world import LEARNER, OTHER, TENANT, Sent, World, accepted, registered
from tests.support.given import adopted, evidence, given, some, uid, withdrawal

LATEST = {"estimate": {"method": "latest"}}
ONE = policy({"C1": LATEST}, {"all": {"all_of": [{"leaf": "C1"}]}})
AWAY = replace(withdrawal("w", "a", "2026-09-05"), moved_to=uid("b"), merged_with=OTHER)


@pytest.fixture
def judged(world: World) -> World:
    world.put(POLICY)
    world.send(registered(), registered(OTHER))
    world.settle()
    return world


def test_what_moves_away_is_lost_by_a_merge_that_names_the_other_learner() -> None:
    piece = evidence("a", "C1", level="3")
    given(adopted(ONE), rules=[ONE]).when(RecordEvidence(piece)).when(WithdrawEvidence(AWAY)).then_thresholds(
        some(LevelLost, node="C1", cause="merge", merged_with=OTHER),
        some(RequirementLapsed, node="all", cause="merge", merged_with=OTHER),
    )


def test_what_moves_away_from_somebody_else_names_nobody() -> None:
    """A link was wrong: two persons."""
    piece = evidence("a", "C1", level="3")
    corrected = replace(AWAY, merged_with=None)
    given(adopted(ONE), rules=[ONE]).when(RecordEvidence(piece)).when(WithdrawEvidence(corrected)).then_thresholds(
        some(LevelLost, node="C1", cause="merge", merged_with=None),
        some(RequirementLapsed, node="all", cause="merge", merged_with=None),
    )


def test_what_arrives_is_reached_by_a_merge_and_the_senders_withdrawal_of_it_is_a_retraction() -> None:
    piece = replace(evidence("b", "C1", level="3"), moved_from=uid("a"), merged_with=OTHER)
    arrived = given(adopted(ONE), rules=[ONE]).when(RecordEvidence(piece))
    reached = arrived.decided[1]
    assert isinstance(reached, LevelReached)
    assert (reached.cause, reached.merged_with) == ("merge", OTHER)
    arrived.when(WithdrawEvidence(withdrawal("w", "b", "2026-09-06"))).then_thresholds(
        some(LevelLost, node="C1", cause="retraction", merged_with=None),
        some(RequirementLapsed, node="all", cause="retraction", merged_with=None),
    )


def test_the_old_id_answers_by_pointing_to_the_new_one_as_of_when_it_was_known(judged: World) -> None:
    before = judged.about("standings")
    merged = LearnersMergedV1(move=uid("m"), learner=LEARNER, into=OTHER, merged_by="r-1")
    judged.send(Sent(TENANT, LEARNER, uid("m1"), merged), Sent(TENANT, OTHER, uid("m2"), merged))
    judged.settle()

    assert before["merged_into"] is None
    assert judged.about("standings")["merged_into"] == str(OTHER)
    assert judged.about("standings", OTHER)["merged_into"] is None
    assert judged.about("standings", known_at=before["known_at"])["merged_into"] is None
    assert judged.history()[-1] == judged.history(OTHER)[-1] == "learners-merged"

    apart = LearnersUnmergedV1(move=uid("n"), learner=LEARNER, into=OTHER, unmerged_by="r-1")
    judged.send(Sent(TENANT, LEARNER, uid("n1"), apart))
    judged.settle()
    assert judged.about("standings")["merged_into"] is None


def test_the_public_thresholds_of_a_merge_name_the_other_learner(judged: World) -> None:
    judged.send(accepted("a", "C1", "3"), accepted("c", "C2", "4"))
    away = EvidenceRetractedV1(retracts=uid("a"), reason="one person", moved_to=uid("b"), merged_with=OTHER)
    judged.send(Sent(TENANT, LEARNER, uid("w"), away))
    judged.settle()
    *_, lost, lapsed = judged.published()
    assert isinstance(lost, LevelLostV1)
    assert isinstance(lapsed, RequirementLapsedV1)
    assert (lost.cause, lost.merged_with) == (lapsed.cause, lapsed.merged_with) == ("merge", OTHER)
    assert judged.history()[-3:] == ["evidence-withdrawn", "level-lost", "requirement-lapsed"]
