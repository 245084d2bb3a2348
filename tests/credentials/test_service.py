"""From a requirement met to a credential, and from a lapse to what the achievement's rule makes of it."""

from datetime import timedelta

import pytest

from contracts.credentials_v1 import CredentialIssuedV1, CredentialRevokedV1
from services.credentials.verifying.file import verify_bundle
from services.runtime.clock import format_instant
from services.runtime.log.memory import Faults
from tests.credentials.school import ANA, BEN, DIPLOMA, NOON, WELDER, School, body_of


def test_a_requirement_met_becomes_a_credential_that_verifies(school: School) -> None:
    school.put()
    met_by = school.says(school.met())
    school.settle()
    [credential] = school.credentials()
    assert (credential["standing"], credential["met_by"], credential["revoked"]) == ("issued", str(met_by), False)
    verdict = verify_bundle(school.bundle(credential), now=NOON)
    assert verdict.verified, verdict.reasons
    [issued] = school.published()
    assert isinstance(issued, CredentialIssuedV1)
    assert (issued.credential, issued.status_index) == (credential["credential"], credential["status_index"])


def test_the_level_reached_and_the_evidence_stand_in_the_credential(school: School) -> None:
    school.put()
    school.says(school.met())
    school.settle()
    badge = body_of(school.content(school.credentials()[0]))
    subject = badge["credentialSubject"]
    [result], [description] = subject["result"], subject["achievement"]["resultDescription"]
    levels = {level["id"]: level for level in description["rubricCriterionLevel"]}
    assert levels[result["achievedLevel"]]["level"] == "PRO"
    assert [level["level"] for level in description["rubricCriterionLevel"]] == ["DEV", "PRO", "EXT"]
    assert [piece["id"][-2:] for piece in badge["evidence"]] == ["0b", "0c"]
    assert badge["validFrom"] == badge["awardedDate"] == "2026-09-01T12:00:00Z"


def test_one_threshold_makes_one_credential_however_often_the_log_repeats_it(tmp_path: object) -> None:
    school = School(tmp_path, faults=Faults(repeat=0.5, delay=0.3, gap_max=4))  # type: ignore[arg-type]
    school.put()
    for learner in (ANA, BEN):
        school.says(school.met(), learner, times=3)
    for _ in range(30):
        school.settle()
    school.restart()
    school.settle()
    assert [len(school.credentials(learner)) for learner in (ANA, BEN)] == [1, 1]
    assert len(school.published()) == 2
    school.service.close()


def test_an_achievement_defined_later_reaches_those_who_met_its_requirement_before(school: School) -> None:
    school.says(school.met())
    school.says(school.met(), BEN)
    school.says(school.lapsed(), BEN)
    school.settle()
    assert school.credentials() == []
    school.put()
    school.settle()
    assert len(school.credentials()) == 1
    assert school.credentials(BEN) == []
    school.put(body=WELDER | {"description": "Said better."})
    school.settle()
    assert len(school.credentials()) == 1


def test_a_sweep_cut_short_goes_on_after_a_restart(school: School) -> None:
    school.says(school.met())
    school.settle()
    school.put()
    school.restart()  # before the sweep ran
    school.settle()
    assert len(school.credentials()) == 1


@pytest.mark.parametrize("cause", ["retraction", "correction"])
def test_a_lapse_by_retraction_or_correction_revokes_at_once(school: School, cause: str) -> None:
    school.put()
    school.says(school.met())
    school.settle()
    lapse = school.says(school.lapsed(cause=cause))
    school.settle()
    [credential] = school.credentials()
    assert credential["revoked"]
    verdict = verify_bundle(school.bundle(credential), now=NOON)
    assert [reason.code for reason in verdict.reasons] == ["revoked"]
    revoked = school.published()[-1]
    assert isinstance(revoked, CredentialRevokedV1)
    assert (revoked.cause, revoked.caused_by) == (cause, lapse)


@pytest.mark.parametrize("cause", ["policy", "override", "merge", "time", "evidence"])
def test_any_other_lapse_only_proposes(school: School, cause: str) -> None:
    school.put()
    school.says(school.met())
    school.says(school.lapsed(cause=cause))
    school.settle()
    [award] = school.awards()
    assert (award["standing"], award["lapse"]["cause"]) == ("revocation_proposed", cause)
    assert not school.credentials()[0]["revoked"]
    assert len(school.published()) == 1


ENDS = NOON + timedelta(hours=1)


def test_a_credential_says_until_when_it_holds_and_time_takes_nothing_back(school: School) -> None:
    school.put()
    school.says(school.met(until=ENDS))
    school.settle()
    [credential] = school.credentials()
    bundle = school.bundle(credential)
    assert list(verify_bundle(bundle, now=ENDS).reasons) == []
    after = verify_bundle(bundle, now=ENDS + timedelta(minutes=10))
    assert [(reason.code, reason.pointer) for reason in after.reasons] == [("expired", "/validUntil")]
    school.clock.at = ENDS + timedelta(days=1)
    school.says(school.lapsed(cause="time"))
    school.settle()
    [award] = school.awards("issued")
    assert (award["lapse"], award["valid_until"]) == (None, format_instant(ENDS))
    assert not school.credentials()[0]["revoked"]


def test_time_that_ends_it_before_the_credential_says_so_asks_a_person(school: School) -> None:
    """Later evidence counted too, and was what aged first."""
    school.put()
    school.says(school.met(until=ENDS))
    school.says(school.lapsed(cause="time"))
    school.settle()
    [award] = school.awards()
    assert (award["standing"], award["lapse"]["cause"]) == ("revocation_proposed", "time")


def test_a_grant_that_comes_after_the_end_is_over_with_the_grant(school: School) -> None:
    school.put(body=WELDER | {"award": "person"})
    school.says(school.met(until=NOON + timedelta(hours=1)))
    school.settle()
    school.clock.at = NOON + timedelta(days=1)
    [award] = school.awards()
    school.decide(award["award"], "grant")
    said = body_of(school.content(school.credentials()[0]))
    assert said["validUntil"] == said["validFrom"]


def test_a_rule_may_ask_for_a_person_even_for_a_retraction(school: School) -> None:
    school.put(body=WELDER | {"revocation": {"retraction": "propose"}})
    school.says(school.met())
    school.says(school.lapsed())
    school.settle()
    [award] = school.awards()
    school.decide(award["award"], "keep")
    assert [award["standing"] for award in school.awards("kept")] == ["kept"]
    school.decide(award["award"], "revoke", status=409)
    assert not school.credentials()[0]["revoked"]


def test_a_diploma_waits_for_a_person_and_so_does_its_revocation(school: School) -> None:
    school.put("diploma", DIPLOMA)
    school.says(school.met())
    school.settle()
    assert school.credentials() == []
    [award] = school.awards()
    school.clock.pass_by(days=3)
    assert school.decide(award["award"], "grant")["standing"] == "issued"
    [credential] = school.credentials()
    assert body_of(school.content(credential))["validFrom"] == "2026-09-04T12:00:00Z"
    school.says(school.lapsed(cause="retraction"))
    school.settle()
    [award] = school.awards()
    assert award["standing"] == "revocation_proposed"
    assert school.decide(award["award"], "revoke")["standing"] == "revoked"
    assert school.credentials()[0]["revoked"]


def test_a_requirement_that_lapses_before_the_decision_withdraws_the_award(school: School) -> None:
    school.put("diploma", DIPLOMA)
    school.says(school.met())
    school.says(school.lapsed())
    school.settle()
    [award] = school.awards("withdrawn")
    school.decide(award["award"], "grant", status=409)
    assert school.credentials() == []


def test_meeting_the_requirement_again_is_a_new_credential_and_the_old_one_stays_revoked(school: School) -> None:
    school.put()
    school.says(school.met())
    school.says(school.lapsed())
    school.says(school.met(cycle=2))
    school.settle()
    first, second = sorted(school.credentials(), key=lambda one: one["cycle"])
    assert (first["revoked"], second["revoked"]) == (True, False)
    assert first["credential"] != second["credential"]
    assert first["status_index"] != second["status_index"]


def test_a_late_lapse_of_a_cycle_that_is_over_does_nothing(school: School) -> None:
    school.put()
    for event in (school.met(), school.lapsed(), school.met(cycle=2)):
        school.says(event)
    school.settle()
    before = school.published()
    school.says(school.lapsed(cycle=1, cause="correction"))
    school.settle()
    assert school.published() == before
    assert [one["revoked"] for one in sorted(school.credentials(), key=lambda one: one["cycle"])] == [True, False]


def test_many_revocations_in_an_hour_become_proposals(tmp_path: object) -> None:
    school = School(tmp_path, settings={"revocations_per_hour_max": 1})  # type: ignore[arg-type]
    school.put()
    for learner in (ANA, BEN):
        school.says(school.met(), learner)
    school.settle()
    for learner in (ANA, BEN):
        school.says(school.lapsed(), learner)
        school.settle()
    assert [award["learner"] for award in school.awards()] == [str(BEN)]
    assert [school.credentials(one)[0]["revoked"] for one in (ANA, BEN)] == [True, False]
    school.service.close()


def test_what_cannot_be_read_is_set_aside_and_the_rest_goes_on(school: School) -> None:
    school.put()
    key = f"delta/{ANA}"
    school.append(b"{}", key)
    school.append(b'{"not": "an envelope"', key)
    school.says(school.met())
    school.settle()
    assert len(school.credentials()) == 1


def test_an_erased_learner_is_passed_over_and_gone(school: School) -> None:
    school.put()
    school.says(school.met())
    school.settle()
    [credential] = school.credentials()
    school.says(school.met(cycle=2))
    school.keys.destroy_learner_key("delta", ANA)
    school.says(school.met(), BEN)
    school.settle()
    school.get(credential["href"], status=410)
    school.get(f"/v1/learners/{ANA}/credentials", status=410)
    assert len(school.credentials(BEN)) == 1
    assert school.awards("issued")[0]["learner"] == str(BEN)
