"""The award's rules, as whole events."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from uuid import UUID

import pytest

from services.credentials.domain.achievement import KINDS, Rule
from services.credentials.domain.award import Award, NothingToDecide, decide, evolve
from services.credentials.domain.claims import StatusPlace
from services.credentials.domain.commands import (
    AssignStatusIndex,
    Command,
    DecideAward,
    IssueCredential,
    LapseAward,
    ProposeAward,
    TransferAward,
)
from services.credentials.domain.events import (
    Author,
    AwardDeclined,
    AwardGranted,
    AwardProposed,
    AwardTransferred,
    AwardWithdrawn,
    CredentialIssued,
    CredentialRevoked,
    Decision,
    Event,
    RevocationDecided,
    RevocationProposed,
    StatusIndexAssigned,
)
from tests.credentials.samples import AWARD, LEARNER, NOON, WELDER, WELDING

MET, LAPSE, CAUSE = UUID(int=21), UUID(int=22), "retraction"
PANEL = Author("p-17", "principal", "Seen by the panel.")
PROPOSE = ProposeAward(
    AWARD, LEARNER, "welder", "sha256:w", "trades", "entry", 1, MET, "evidence", (WELDING,), Rule.AT_ONCE, NOON
)
ISSUE = IssueCredential("urn:uuid:c", "did:web:x", "https://x", "X", "key-1", "tag", NOON)

PROPOSED = AwardProposed(AWARD, LEARNER, "welder", "sha256:w", "trades", "entry", 1, MET, "evidence", (WELDING,), NOON)
GRANTED = AwardGranted(AWARD, None, NOON)
ASSIGNED = StatusIndexAssigned(AWARD, "delta.0.1", 42)
ISSUED = CredentialIssued(AWARD, "urn:uuid:c", "did:web:x", "https://x", "X", "key-1", "tag", NOON)
IN_FORCE = (PROPOSED, GRANTED, ASSIGNED, ISSUED)
REVOKED = CredentialRevoked(AWARD, "urn:uuid:c", CAUSE, LAPSE, "The requirement lapsed: retraction.", NOON)
TO_REVOKE = RevocationProposed(AWARD, CAUSE, LAPSE, NOON)


@dataclass
class Given:
    history: tuple[Event, ...]

    def when(self, command: Command) -> "Then":
        return Then(decide(command, reduce(evolve, self.history, Award())))


@dataclass
class Then:
    events: Sequence[Event]

    def then(self, *expected: Event) -> None:
        assert list(self.events) == list(expected)


def given(*history: Event) -> Given:
    return Given(history)


def lapse(rule: Rule) -> LapseAward:
    return LapseAward(CAUSE, LAPSE, rule, NOON)


def says(decision: Decision) -> DecideAward:
    return DecideAward(decision, PANEL, NOON)


def test_meeting_the_requirement_is_enough_for_most() -> None:
    given().when(PROPOSE).then(PROPOSED, GRANTED)


def test_a_diploma_waits_for_a_person() -> None:
    given().when(replace(PROPOSE, rule=Rule.PROPOSE)).then(PROPOSED)


@pytest.mark.parametrize("history", [IN_FORCE[:1], IN_FORCE, (*IN_FORCE, REVOKED)])
def test_the_same_threshold_again_changes_nothing(history: tuple[Event, ...]) -> None:
    given(*history).when(PROPOSE).then()


def test_a_person_grants_or_declines() -> None:
    given(PROPOSED).when(says(Decision.GRANT)).then(AwardGranted(AWARD, PANEL, NOON))
    given(PROPOSED).when(says(Decision.DECLINE)).then(AwardDeclined(AWARD, PANEL, NOON))


def test_a_granted_award_gets_one_place_and_then_one_credential() -> None:
    place = AssignStatusIndex(StatusPlace("delta.0.1", 42))
    given(PROPOSED, GRANTED).when(place).then(ASSIGNED)
    given(PROPOSED, GRANTED).when(ISSUE).then()
    given(PROPOSED, GRANTED, ASSIGNED).when(place).then()
    given(PROPOSED, GRANTED, ASSIGNED).when(ISSUE).then(ISSUED)
    given(*IN_FORCE).when(ISSUE).then()


def test_a_lapse_revokes_at_once_or_proposes_to() -> None:
    given(*IN_FORCE).when(lapse(Rule.AT_ONCE)).then(REVOKED)
    given(*IN_FORCE).when(lapse(Rule.PROPOSE)).then(TO_REVOKE)


@pytest.mark.parametrize("rule", list(Rule))
def test_a_lapse_heard_twice_does_nothing_more(rule: Rule) -> None:
    for after in (REVOKED, TO_REVOKE):
        given(*IN_FORCE, after).when(lapse(rule)).then()


def test_a_lapse_withdraws_what_nobody_had_granted() -> None:
    given(PROPOSED).when(lapse(Rule.AT_ONCE)).then(AwardWithdrawn(AWARD, CAUSE, LAPSE, NOON))


def test_a_lapse_of_an_award_that_never_was_does_nothing() -> None:
    given().when(lapse(Rule.AT_ONCE)).then()


def test_a_person_revokes_for_the_reason_given_and_the_cause_recorded() -> None:
    given(*IN_FORCE, TO_REVOKE).when(says(Decision.REVOKE)).then(
        RevocationDecided(AWARD, Decision.REVOKE, PANEL, NOON), replace(REVOKED, reason="Seen by the panel.")
    )


def test_a_person_may_keep_what_was_to_be_revoked() -> None:
    given(*IN_FORCE, TO_REVOKE).when(says(Decision.KEEP)).then(RevocationDecided(AWARD, Decision.KEEP, PANEL, NOON))


@pytest.mark.parametrize("decision", list(Decision))
@pytest.mark.parametrize("history", [(), IN_FORCE, (*IN_FORCE, REVOKED), (PROPOSED, AwardDeclined(AWARD, PANEL, NOON))])
def test_nobody_decides_what_does_not_wait(history: tuple[Event, ...], decision: Decision) -> None:
    with pytest.raises(NothingToDecide):
        given(*history).when(says(decision))


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("cause", ["evidence", "correction", "retraction", "time", "policy", "override", "merge"])
def test_only_a_retraction_or_correction_ever_revokes_by_itself_and_never_a_diploma(kind: str, cause: str) -> None:
    definition = replace(WELDER, kind=kind)
    by_itself = cause in {"retraction", "correction"} and "Diploma" not in kind and "Degree" not in kind
    assert (definition.revocation_rule(cause) is Rule.AT_ONCE) == by_itself


# ---- merges

OTHER, THIRD = UUID(int=0xB0B), UUID(int=0xCAB)
TRANSFER = TransferAward(OTHER, 3, MET, NOON)
TRANSFERRED = AwardTransferred(AWARD, LEARNER, OTHER, 3, MET, NOON)
MERGED = RevocationProposed(AWARD, "merge", LAPSE, NOON, OTHER)


def lapse_of(holder: UUID, cycle: int, rule: Rule = Rule.AT_ONCE) -> LapseAward:
    return LapseAward(CAUSE, LAPSE, rule, NOON, holder, cycle)


def test_an_award_in_force_is_transferred_once() -> None:
    given(*IN_FORCE).when(TRANSFER).then(TRANSFERRED)
    given(*IN_FORCE, TRANSFERRED).when(TRANSFER).then()


def test_a_transfer_ends_the_waiting_that_the_merge_began() -> None:
    given(*IN_FORCE, MERGED).when(TRANSFER).then(TRANSFERRED)
    given(*IN_FORCE, MERGED, TRANSFERRED).when(lapse_of(OTHER, 3)).then(REVOKED)


def test_what_waits_for_another_reason_or_another_heir_is_not_transferred() -> None:
    given(*IN_FORCE, TO_REVOKE).when(TRANSFER).then()
    given(*IN_FORCE, MERGED).when(replace(TRANSFER, holder=THIRD)).then()


def test_it_goes_home_whoever_was_named_heir() -> None:
    away = RevocationProposed(AWARD, "merge", LAPSE, NOON, None)
    home = AwardTransferred(AWARD, OTHER, LEARNER, 2, MET, NOON)
    given(*IN_FORCE, TRANSFERRED, away).when(TransferAward(LEARNER, 2, MET, NOON)).then(home)


def test_only_the_lapse_of_what_it_answers_to_touches_a_transferred_award() -> None:
    given(*IN_FORCE, TRANSFERRED).when(lapse_of(LEARNER, 1)).then()
    given(*IN_FORCE, TRANSFERRED).when(lapse_of(OTHER, 2)).then()
    given(*IN_FORCE, TRANSFERRED).when(lapse_of(OTHER, 3)).then(REVOKED)


@pytest.mark.parametrize("history", [(PROPOSED,), (PROPOSED, GRANTED), (*IN_FORCE, REVOKED)])
def test_what_does_not_stand_is_not_transferred(history: tuple[Event, ...]) -> None:
    given(*history).when(TRANSFER).then()
