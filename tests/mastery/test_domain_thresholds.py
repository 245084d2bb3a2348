"""What a learner's record decides: the fact, and the thresholds it crosses, each with its cause."""

from services.mastery.domain.learner_record import (
    AdmitLearner,
    AdoptPolicy,
    RecordEnrolment,
    RecordEvidence,
    WithdrawEvidence,
    decide,
    evolve,
)
from services.mastery.domain.thresholds import NAMED_MAX, LevelLost, LevelReached, RequirementLapsed, RequirementMet
from tests.mastery.sample import policy
from tests.support.given import admitted, adopted, day, enrolment, evidence, folded, given, some, uid, withdrawal

LATEST = {"estimate": {"method": "latest"}}
ONE = policy({"C1": LATEST, "C2": LATEST}, {"both": {"all_of": [{"leaf": "C1"}, {"leaf": "C2"}]}})


def test_a_learner_is_admitted_once() -> None:
    given().when(AdmitLearner(admitted())).then(admitted())
    given(admitted()).when(AdmitLearner(admitted())).then()


def test_evidence_at_the_level_reaches_it() -> None:
    piece = evidence("a", "C1", level="4", recorded="2026-09-03")
    decided = given(adopted(ONE), rules=[ONE]).when(RecordEvidence(piece)).decided
    assert decided[0] == piece
    reached = decided[1]
    assert isinstance(reached, LevelReached)
    assert (reached.policy, reached.node, reached.cycle, reached.cause) == ("sample", "C1", 1, "evidence")
    assert (reached.caused_by, reached.evidence) == (piece.id, (piece.id,))
    assert (reached.effective_at, reached.recorded_at) == (day("2026-09-03"), day("2026-09-03"))
    assert [(ref.kind, ref.id) for ref in reached.documents] == [
        ("policy", "sample"),
        ("framework", "skills"),
        ("scale", "four"),
    ]
    said = reached.achieved
    assert (said.competency, said.code, said.framework, said.scale) == ("id-C1", "C1", "skills", "four")
    assert (said.level, said.value, said.required, said.evidence) == ("4", "4", "3", (piece.id,))


def test_evidence_delivered_twice_changes_nothing() -> None:
    piece = evidence("a", "C1", level="3")
    given(adopted(ONE), piece, rules=[ONE]).when(RecordEvidence(piece)).then()


def test_a_requirement_is_met_with_every_level_it_rests_on() -> None:
    first, second = evidence("a", "C1", level="3"), evidence("b", "C2", level="4", occurred="2026-09-02")
    decided = given(adopted(ONE), rules=[ONE]).when(RecordEvidence(first), RecordEvidence(second)).decided
    met = decided[-1]
    assert isinstance(met, RequirementMet)
    assert met.node == "both"
    assert [(said.code, said.level) for said in met.achieved] == [("C1", "3"), ("C2", "4")]
    assert met.evidence == (first.id, second.id)


def test_of_a_choice_only_the_parts_that_are_met_are_achieved() -> None:
    rules = policy({"C1": LATEST, "C2": LATEST}, {"one": {"any_of": [{"leaf": "C1"}, {"leaf": "C2"}]}})
    low, high = evidence("a", "C1", level="1"), evidence("b", "C2", level="3")
    met = given(adopted(rules), rules=[rules]).when(RecordEvidence(low), RecordEvidence(high)).decided[-1]
    assert isinstance(met, RequirementMet)
    assert [said.code for said in met.achieved] == ["C2"]


def test_a_requirement_with_a_mark_of_its_own_moves_while_the_level_stays() -> None:
    """Also through a requirement it rests on; the competency is met before, meanwhile and afterwards."""
    marked = {"high": {"leaf": "C1", "at_least": "4"}, "above": {"all_of": ["high", {"leaf": "C1"}]}}
    rules = policy({"C1": LATEST}, marked)
    pieces = [
        evidence(f"piece {day}", "C1", level=level, occurred=f"2026-09-{day:02}")
        for day, level in enumerate("343", start=1)
    ]
    first, higher, lower = (RecordEvidence(piece) for piece in pieces)
    met = given(adopted(rules), rules=[rules]).when(first).when(higher)
    met.then(pieces[1], some(RequirementMet, node="high", cycle=1), some(RequirementMet, node="above", cycle=1))
    met.when(lower).then(
        pieces[2], some(RequirementLapsed, node="high", cycle=1), some(RequirementLapsed, node="above", cycle=1)
    )


def test_a_requirement_moves_from_unknown_to_met_with_the_level_it_rests_on() -> None:
    rules = policy({"C1": {"gate": {"count": 2}}}, {"own": {"leaf": "C1"}})
    first, second = evidence("a", "C1", level="3"), evidence("b", "C1", level="3", occurred="2026-09-02")
    given(adopted(rules), rules=[rules]).when(RecordEvidence(first)).when(RecordEvidence(second)).then(
        second, some(LevelReached, node="C1", cycle=1), some(RequirementMet, node="own", cycle=1)
    )


def test_a_withdrawal_loses_the_level_and_whatever_rested_on_it() -> None:
    before = given(adopted(ONE), rules=[ONE]).when(
        RecordEvidence(evidence("a", "C1", level="3")), RecordEvidence(evidence("b", "C2", level="3"))
    )
    withdrawn = withdrawal("w", "a", "2026-10-01")
    before.when(WithdrawEvidence(withdrawn)).then(
        withdrawn,
        some(LevelLost, node="C1", cycle=1, cause="retraction", caused_by=uid("w"), evidence=()),
        some(RequirementLapsed, node="both", cycle=1, cause="retraction"),
    )


def test_a_correction_is_its_own_cause() -> None:
    corrected = evidence("b", "C1", level="2", revises="a", recorded="2026-09-05")
    first = evidence("a", "C1", level="3")
    given(adopted(ONE), rules=[ONE]).when(RecordEvidence(first)).when(RecordEvidence(corrected)).then(
        corrected, some(LevelLost, node="C1", cause="correction")
    )


def test_a_correction_may_move_evidence_to_another_competency() -> None:
    moved = evidence("b", "C2", level="3", revises="a", recorded="2026-09-05")
    first = evidence("a", "C1", level="3")
    given(adopted(ONE), rules=[ONE]).when(RecordEvidence(first)).when(RecordEvidence(moved)).then_thresholds(
        some(LevelLost, node="C1", cause="correction"), some(LevelReached, node="C2", cause="correction")
    )


def test_a_withdrawal_that_comes_first_keeps_its_evidence_from_counting() -> None:
    early = withdrawal("w", "a", "2026-09-01")
    piece = evidence("a", "C1", level="3", recorded="2026-09-02")
    given(adopted(ONE), early, rules=[ONE]).when(RecordEvidence(piece)).then(piece)


def test_every_entry_into_met_has_its_own_cycle_and_id() -> None:
    levels = [("a", "3"), ("b", "2"), ("c", "3"), ("d", "1")]
    commands = [
        RecordEvidence(evidence(name, "C1", level=level, occurred=f"2026-09-0{at}"))
        for at, (name, level) in enumerate(levels, start=1)
    ]
    outcome = (
        given(adopted(ONE), rules=[ONE])
        .when(*commands)
        .then_thresholds(
            some(LevelReached, cycle=1), some(LevelLost, cycle=1), some(LevelReached, cycle=2), some(LevelLost, cycle=2)
        )
    )
    assert len({event.id for event in outcome.decided}) == len(outcome.decided)


def test_a_new_version_emits_differences_only() -> None:
    stricter = policy(
        {"C1": LATEST, "C2": {"estimate": {"method": "latest"}, "decide": {"at_least": "4"}}}, policy={"version": 2}
    )
    before = given(adopted(ONE), rules=[ONE, stricter]).when(
        RecordEvidence(evidence("a", "C1", level="3")), RecordEvidence(evidence("b", "C2", level="3"))
    )
    adopt = AdoptPolicy(
        policy="sample",
        version=2,
        digest=stricter.digest,
        control_seq=2,
        effective_from=day("2026-01-01"),
        recorded_at=day("2026-10-01"),
    )
    decided = before.when(adopt)
    decided.then_thresholds(some(LevelLost, node="C2", cycle=1, cause="policy", caused_by=decided.decided[0].id))
    decided.when(adopt).then()


def test_a_version_that_takes_effect_later_judges_from_then_on() -> None:
    later = adopted(ONE, effective_from=day("2026-09-30"))
    early = evidence("a", "C1", level="3")
    before = given(later, rules=[ONE]).when(RecordEvidence(early)).then(early)
    other = evidence("b", "C2", level="1", occurred="2026-10-01")
    reached = some(LevelReached, node="C1", cause="policy", caused_by=early.id, effective_at=day("2026-09-30"))
    before.when(RecordEvidence(other)).then(reached, other)


def test_what_time_took_away_is_settled_before_what_the_fact_brings() -> None:
    aging = policy({code: {"gate": {"count": "1", "at_least": "3", "max_age": "P30D"}} for code in ("C1", "C2")})
    before = given(adopted(aging), rules=[aging]).when(RecordEvidence(evidence("a", "C1", level="3")))
    late = evidence("b", "C2", level="3", occurred="2026-11-01")
    before.when(RecordEvidence(late)).then(
        some(LevelLost, node="C1", cause="time"), late, some(LevelReached, node="C2", cause="evidence")
    )


def test_a_policy_judges_learners_enrolled_with_its_organisation_and_cohort() -> None:
    local = policy({"C1": LATEST}, policy={"organisation": "north-high", "cohorts": ["2027"]})
    piece = evidence("a", "C1", level="3")
    elsewhere, here = enrolment("e1", "south-high", cohort="2027"), enrolment("e2", "north-high", cohort="2027")
    given(adopted(local), elsewhere, rules=[local]).when(RecordEvidence(piece)).then(piece)
    given(adopted(local), here, rules=[local]).when(RecordEvidence(piece)).then_thresholds(some(LevelReached))


def test_an_enrolment_brings_its_organisations_policies_to_evidence_already_there() -> None:
    local = policy({"C1": LATEST}, policy={"organisation": "north-high"})
    enrolled = enrolment("e", "north-high", recorded="2026-10-01")
    given(adopted(local), evidence("a", "C1", level="3"), rules=[local]).when(RecordEnrolment(enrolled)).then(
        enrolled, some(LevelReached, cause="policy", caused_by=enrolled.id)
    )


def test_a_learner_who_leaves_keeps_what_was_reached() -> None:
    local = policy({"C1": LATEST}, policy={"organisation": "north-high"})
    here = enrolment("e", "north-high")
    left = enrolment("e", "north-high", recorded="2026-10-01", ends_on=day("2026-09-30").date())
    before = given(adopted(local), here, rules=[local]).when(RecordEvidence(evidence("a", "C1", level="3")))
    lower = evidence("b", "C1", level="1", occurred="2026-10-02")
    before.when(RecordEnrolment(left), RecordEvidence(lower)).then_thresholds()


def test_a_policy_that_supersedes_another_judges_in_its_place() -> None:
    newer = policy({"C1": LATEST}, policy={"id": "newer", "supersedes": ["sample"]})
    before = given(adopted(ONE), adopted(newer, 2), rules=[ONE, newer])
    before.when(RecordEvidence(evidence("a", "C1", level="3"))).then_thresholds(some(LevelReached, policy="newer"))


def test_one_piece_is_judged_by_every_policy_in_force() -> None:
    other = policy({"C1": LATEST}, policy={"id": "other"})
    before = given(adopted(ONE), adopted(other, 2), rules=[ONE, other])
    before.when(RecordEvidence(evidence("a", "C1", level="3"))).then_thresholds(
        some(LevelReached, policy="other"), some(LevelReached, policy="sample")
    )


def test_evidence_of_a_competency_no_policy_names_is_kept_and_crosses_nothing() -> None:
    piece = evidence("a", "C9", level="4")
    given(adopted(ONE), rules=[ONE]).when(RecordEvidence(piece)).then(piece)


def test_deciding_does_not_change_the_record() -> None:
    history = [adopted(ONE), evidence("a", "C1", level="3")]
    record, untouched = folded(history), folded(history)
    decide(RecordEvidence(evidence("b", "C1", level="1", occurred="2026-09-09")), record, {ONE.digest: ONE})
    decide(WithdrawEvidence(withdrawal("w", "a", "2026-09-10")), record, {ONE.digest: ONE})
    assert record == untouched


def test_what_was_decided_but_not_kept_leaves_no_trace() -> None:
    first, second = evidence("a", "C1", level="3"), evidence("b", "C1", level="2", occurred="2026-09-02")
    record = folded([adopted(ONE)])
    decide(RecordEvidence(first), record, {ONE.digest: ONE})
    decide(RecordEvidence(second), record, {ONE.digest: ONE})
    for fact in (first, second):
        record = evolve(record, fact)
    assert record == folded([adopted(ONE), first, second])


def test_an_event_names_the_latest_pieces_and_counts_them_all() -> None:
    """What an event says does not grow with a learner's history; a replay at its position names the rest."""
    many = policy({"C1": {"gate": {"count": "25", "at_least": "3"}}})
    pieces = [evidence(f"e{n}", "C1", level="3", occurred=f"2026-09-{n:02}") for n in range(1, 26)]
    decided = given(adopted(many), *pieces[:-1], rules=[many]).when(RecordEvidence(pieces[-1])).decided
    reached = decided[-1]
    assert isinstance(reached, LevelReached)
    latest = tuple(piece.id for piece in pieces[-NAMED_MAX:])
    assert (reached.evidence, reached.evidence_count) == (latest, 25)
    assert (reached.achieved.evidence, reached.achieved.evidence_count) == (latest, 25)
