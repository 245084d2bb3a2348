"""Activations and evidence have one order: before it nobody is judged by a policy, after it everybody is."""

from datetime import timedelta

from contracts.mastery_v1 import LevelLostV1, LevelReachedV1
from tests.mastery import sample
from tests.mastery.test_assess import held
from tests.mastery.world import LEARNER, OTHER, TENANT, World, accepted, enrolled, registered
from tests.support.given import uid


def policy(version: int = 1, at_least: str = "3", **header: object) -> bytes:
    said = {"version": version, "effective_from": "2026-07-01"} | header
    return sample.document({"C1": {"estimate": {"method": "highest"}, "decide": {"at_least": at_least}}}, policy=said)


def test_a_policy_that_is_only_put_judges_nobody(world: World) -> None:
    world.put(policy(), activate=False)
    world.send(registered(), accepted("e1"))
    world.settle()
    assert world.history() == ["learner-admitted", "evidence-recorded"]
    assert world.about("standings")["policies"] == []


def test_evidence_before_the_activation_is_judged_by_the_sweep_under_cause_policy(world: World) -> None:
    world.send(registered(), accepted("e1"))
    world.settle()
    world.put(policy())
    assert world.history() == ["learner-admitted", "evidence-recorded", "policy-adopted", "level-reached"]
    (reached,) = world.published()
    assert isinstance(reached, LevelReachedV1)
    assert reached.cause == "policy"


def test_a_learner_who_appears_later_adopts_what_is_in_force(world: World) -> None:
    world.put(policy())
    world.put(policy(version=2, at_least="4"))
    world.send(registered(), accepted("e1", level="4"))
    world.settle()
    assert world.history() == ["learner-admitted", "policy-adopted", "evidence-recorded", "level-reached"]
    (found,) = world.about("standings")["policies"]
    assert found["policy"]["version"] == 2


def test_an_activation_goes_into_the_journal_before_evidence_that_comes_after_it(world: World) -> None:
    world.send(registered(), registered(OTHER))
    world.settle()
    world.put(policy(), settle=False)
    world.send(accepted("e1"))
    world.worker._consumer.step(0.0)  # the batch alone, before any sweep
    (part,) = world.rows("SELECT part FROM learner WHERE stream = ?", LEARNER.bytes)
    topics = world.rows("SELECT topic FROM event WHERE part = ? ORDER BY seq", part)
    assert topics.index("mastery.policy-applied.v1") < topics.index("mastery.evidence-recorded.v1")
    assert world.history() == ["learner-admitted", "policy-adopted", "evidence-recorded", "level-reached"]


def test_a_learner_not_yet_swept_catches_up_before_its_next_event_and_is_swept_once(world: World) -> None:
    world.send(registered(), registered(OTHER), accepted("e0", learner=OTHER))
    world.settle()
    world.put(policy(), settle=False)
    world.send(accepted("e1"))
    world.worker._consumer.step(0.0)
    assert world.history(OTHER) == ["learner-admitted", "evidence-recorded"]
    world.settle()
    assert world.history(OTHER)[-2:] == ["policy-adopted", "level-reached"]
    assert world.history().count("policy-adopted") == 1


def test_a_sweep_larger_than_its_batch_reaches_everybody_across_a_restart(world: World) -> None:
    learners = [uid(f"learner {n}") for n in range(30)]
    world.keys.create_learner_keys(TENANT, learners)
    world.send(*(registered(learner) for learner in learners), *(accepted(f"{n}", learner=n) for n in learners))
    world.settle()
    world.restart(sweep_learners_max=2)
    world.put(policy(), settle=False)
    world.worker.step(0.0)
    assert 0 < len(world.published()) < 30
    assert world.worker.pending() > 0
    world.restart(sweep_learners_max=7)
    world.settle()
    assert len(world.published()) == 30
    assert {world.history(learner).count("policy-adopted") for learner in learners} == {1}
    assert world.worker.pending() == 0


def test_a_new_version_emits_differences_only(world: World) -> None:
    world.put(policy())
    world.send(registered(), registered(OTHER), accepted("e1", level="3"), accepted("e2", level="4", learner=OTHER))
    world.settle()
    told = len(world.published())
    world.put(policy(version=2, at_least="4"))
    (lost,) = world.published()[told:] if len(world.published()) == told + 1 else (None,)
    assert isinstance(lost, LevelLostV1)
    assert (lost.cause, lost.policy.version, lost.cycle) == ("policy", 2, 1)
    assert world.history(OTHER)[-1] == "policy-adopted"


def test_activating_the_same_version_again_changes_no_standing(world: World) -> None:
    world.put(policy())
    world.send(registered(), accepted("e1"))
    world.settle()
    told = world.published()
    world.activate("sample", 1)
    world.settle()
    assert world.published() == told


def test_a_version_from_a_later_day_judges_from_that_day_on(world: World) -> None:
    world.put(policy())
    world.put(policy(version=2, at_least="4", effective_from="2026-10-01"))
    world.send(registered(), accepted("e1", level="3"))
    world.settle()
    assert world.competency("C1", as_of="2026-09-30")["result"] == "met"
    assert world.competency("C1", as_of="2026-10-01")["result"] == "not_met"


def test_before_an_activation_was_known_nothing_is_judged_by_it(world: World) -> None:
    world.send(registered(), accepted("e1"))
    world.settle()
    known = (world.clock.at + timedelta(hours=1)).isoformat()
    world.clock.at += timedelta(days=1)
    world.put(policy())
    assert world.about("standings", known_at=known)["policies"] == []
    assert world.competency("C1")["result"] == "met"


def test_a_policy_of_an_organisation_judges_those_enrolled_there(world: World) -> None:
    world.put(policy(organisation="wa-district"))
    world.send(registered(), accepted("e1"), registered(OTHER), accepted("e2", learner=OTHER))
    world.send(enrolled("wa-district"), enrolled("elsewhere", OTHER))
    world.settle()
    assert world.competency("C1")["result"] == "met"
    assert world.about("standings", OTHER)["policies"] == []


def test_the_sweep_skips_whoever_was_erased(world: World) -> None:
    world.send(registered(), registered(OTHER), accepted("e1", learner=OTHER))
    world.settle()
    world.keys.destroy_learner_key(TENANT, LEARNER)
    world.put(policy())
    assert world.competency("C1", OTHER)["result"] == "met"
    assert world.worker.ready() == {}


def test_what_a_sweep_did_in_memory_is_what_the_store_says(world: World) -> None:
    world.send(registered(), accepted("e1"))
    world.settle()
    world.put(policy())
    assert held(world, LEARNER) == held(world, LEARNER, forget=True)
