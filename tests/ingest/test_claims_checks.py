"""Which claims could be counted: competency, scale, value, time and text."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.evidence_v1 import Activity, Assessor, CompetencyRef, EvidenceContent, Rating
from services.ingest.domain.catalogue import Catalogue, Competency, Scale
from services.ingest.domain.checks import CheckedClaim, check
from services.ingest.domain.claims import Claim, ClaimedAssessor, Fault, Identifier

RECEIVED = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
CATALOGUE = Catalogue.of(
    [
        Competency("wbl", "0d39d99d-186b-55e3-a5da-15833ef780b9", "WBL.1"),
        Competency("wbl", "i-heading", "WBL", assessable=False),
        Competency("wbl", "i-shared-1", "SHARED"),
        Competency("nace", "i-shared-2", "SHARED"),
    ],
    [
        Scale("levels", 2, frozenset({"1", "2", "3", "4"}), not_values=frozenset({"NYA"})),
        Scale("percent", 1, minimum=Decimal(0), maximum=Decimal(100)),
    ],
)
CLAIM = Claim(
    learner=Identifier("student", "s-1"),
    record_key="r1",
    competency="WBL.1",
    framework=None,
    scale="levels",
    level="3",
    score=None,
    observed=True,
    occurred_at=RECEIVED,
    pathway="internship",
    assessor=ClaimedAssessor("m1", "mentor", "acme"),
    pointers={"level": "/data/ratings/0/rating", "competency": "/data/ratings/0/skill"},
)
SCORED = replace(CLAIM, scale="percent", level=None, score="78")


def judged(claim: Claim = CLAIM, **changes: object) -> CheckedClaim | Fault:
    return check(replace(claim, **changes), CATALOGUE, RECEIVED)


def test_a_sound_claim_names_its_competency_and_scale_version():
    result = judged()
    assert isinstance(result, CheckedClaim)
    assert (result.competency.code, result.scale_version, result.level, result.observed) == ("WBL.1", 2, "3", True)


@pytest.mark.parametrize("prefix", ["", "urn:uuid:"])
def test_a_competency_is_found_by_its_case_identifier(prefix):
    result = judged(competency=f"{prefix}0d39d99d-186b-55e3-a5da-15833ef780b9")
    assert isinstance(result, CheckedClaim)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"competency": "WBL.99"}, "unknown-competency"),
        ({"competency": "WBL"}, "competency-not-assessable"),
        ({"competency": "SHARED"}, "ambiguous-competency"),
        ({"competency": "WBL.1", "framework": "nace"}, "unknown-competency"),
        ({"scale": "stars"}, "unknown-scale"),
        ({"scale": "Stars!"}, "not-a-slug"),
        ({"level": "5"}, "unknown-level"),
        ({"level": "3", "score": "3"}, "level-and-score"),
        ({"level": None}, "rating-missing"),
        ({"level": None, "score": "3"}, "score-on-level-scale"),
        ({"occurred_at": datetime(1899, 12, 31, 23, 59, tzinfo=UTC)}, "occurred-too-early"),
        ({"occurred_at": datetime(2026, 11, 25, tzinfo=UTC)}, "occurred-in-future"),
        ({"occurred_at": datetime(9999, 12, 31, tzinfo=UTC)}, "occurred-in-future"),
        ({"expires_at": RECEIVED - timedelta(days=1)}, "expiry-not-believable"),
        ({"kind": "final"}, "unknown-kind"),
        ({"attempt": -1}, "attempt-out-of-range"),
        ({"comment": "x" * 4001}, "text-too-long"),
        ({"learner": Identifier("student", "x" * 321)}, "text-too-long"),
        ({"record_key": "x" * 501}, "text-too-long"),
        ({"pathway": "Internship"}, "not-a-slug"),
        ({"assessor": ClaimedAssessor("m1", "Mentor", "acme")}, "not-a-slug"),
        ({"assessor": ClaimedAssessor("", "mentor", "acme")}, "text-too-long"),
    ],
)
def test_an_unsound_claim_is_a_fault_with_a_reason(changes, reason):
    result = judged(**changes)
    assert isinstance(result, Fault)
    assert result.reason == reason


@pytest.mark.parametrize(
    ("score", "reason"),
    [
        ("0", None),
        ("100", None),
        ("99.999999999", None),
        ("100.000000001", "score-out-of-range"),
        ("-1", "score-out-of-range"),
        ("1e2", "score-not-decimal"),
        ("078", "score-not-decimal"),
        ("NaN", "score-not-decimal"),
        ("1.0000000001", "score-not-decimal"),
    ],
)
def test_a_score_lies_on_its_scale_both_ends_included(score, reason):
    result = judged(SCORED, score=score)
    assert (result.reason if isinstance(result, Fault) else None) == reason


def test_the_last_moment_of_tomorrow_is_believed_and_the_next_is_not():
    last = datetime(2026, 11, 24, 23, 59, 59, 999999, tzinfo=UTC)
    assert isinstance(judged(occurred_at=last), CheckedClaim)
    assert isinstance(judged(occurred_at=last + timedelta(microseconds=1)), Fault)


def test_tomorrow_is_the_sources_tomorrow():
    denver = ZoneInfo("America/Denver")
    late = replace(CLAIM, occurred_at=datetime(2026, 11, 25, 6, tzinfo=UTC))  # 23:00 on the 24th in Denver
    assert isinstance(check(late, CATALOGUE, RECEIVED, denver), CheckedClaim)
    assert isinstance(check(late, CATALOGUE, RECEIVED), Fault)


def test_a_code_that_is_a_state_of_the_scale_is_not_an_observation():
    result = judged(level="NYA")
    assert isinstance(result, CheckedClaim)
    assert (result.observed, result.level, result.score) == (False, None, None)


def test_what_was_not_observed_needs_no_rating():
    result = judged(level=None, observed=False)
    assert isinstance(result, CheckedClaim)
    assert not result.observed


def test_a_fault_points_at_what_was_sent_and_quotes_nothing():
    result = judged(level="planted-value")
    assert isinstance(result, Fault)
    assert result.pointer == "/data/ratings/0/rating"
    assert "planted" not in repr(result)


WORDS = ["WBL.1", "levels", "percent", "3", "x" * 201]
TEXT = st.text(st.characters(codec="utf-8"), max_size=4) | st.sampled_from(WORDS)
SLUGGISH = st.sampled_from(["acme", "Acme", "", "a" * 64, "a\n"])
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "scale": st.sampled_from(["levels", "percent", ""]),
        "level": st.none() | TEXT,
        "score": st.none() | TEXT | st.decimals().map(str),
        "observed": st.booleans(),
        "pathway": SLUGGISH,
        "kind": st.sampled_from(["baseline", "summative", "final", ""]),
        "assessor": st.builds(ClaimedAssessor, TEXT, SLUGGISH, SLUGGISH),
        "activity": st.none() | TEXT,
        "artifact": st.none() | TEXT,
        "attempt": st.none() | st.integers(),
        "comment": st.none() | TEXT,
        "expires_at": st.none() | st.datetimes(timezones=st.just(UTC)),
    },
)


@settings(max_examples=400, deadline=None)
@given(CHANGES)
def test_what_passes_the_checks_fits_the_public_event(changes):
    """So that publishing cannot fail after a claim was accepted."""
    result = judged(**changes)
    if isinstance(result, Fault):
        assert result.reason
        return
    claim, named = result.claim, result.competency
    EvidenceContent(
        competency=CompetencyRef(framework=named.framework, identifier=named.identifier, code=named.code),
        rating=Rating(
            scale=claim.scale,
            scale_version=result.scale_version,
            level=result.level,
            score=result.score,
            observed=result.observed,
        ),
        assessor=Assessor(id=claim.assessor.id, role=claim.assessor.role, organisation=claim.assessor.organisation),
        pathway=claim.pathway,
        kind=claim.kind,
        activity=Activity(id=claim.activity, artifact=claim.artifact, attempt=claim.attempt),
        organisation="acme",
        source="demo.acme",
        receipt="00000000-0000-0000-0000-000000000001",
        comment=claim.comment,
        expires_at=claim.expires_at,
    )
