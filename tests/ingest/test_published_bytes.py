"""Evidence is published in the bytes its model would write, though the model is not made."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from contracts.evidence_v1 import EvidenceAcceptedV1, EvidenceRevisedV1
from services.ingest.domain.catalogue import Competency
from services.ingest.domain.checks import KINDS, CheckedClaim
from services.ingest.domain.claims import Claim, ClaimedAssessor, Identifier
from services.ingest.domain.records import Accept
from services.ingest.publishing import accepted, revised
from services.ingest.use_cases.settle import Occurrence, Origin

AT = datetime(2026, 9, 1, 12, tzinfo=UTC)
SLUGS = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
INSTANTS = st.datetimes(
    datetime(1900, 1, 2),  # noqa: DTZ001 - the zone follows
    datetime(9998, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-5))]),
)


@st.composite
def decided(draw: st.DrawFn) -> tuple[CheckedClaim, Occurrence]:
    """Any claim that the checks let through."""
    maybe = lambda strategy: draw(st.none() | strategy)  # noqa: E731 - shorter than a function
    claim = Claim(
        learner=Identifier("student", "1"), record_key="r", competency="c", framework=None, scale=draw(SLUGS),
        level=None, score=None, observed=True, occurred_at=AT, pathway=draw(SLUGS),
        assessor=ClaimedAssessor(draw(TEXTS), draw(SLUGS), draw(SLUGS)), kind=draw(st.sampled_from(sorted(KINDS))),
        activity=maybe(TEXTS), artifact=maybe(TEXTS), attempt=maybe(st.integers(0, 10_000)), comment=maybe(TEXTS),
        expires_at=maybe(INSTANTS),
    )  # fmt: skip
    competency = Competency(draw(SLUGS), draw(TEXTS), draw(TEXTS))
    score = maybe(st.sampled_from(["3", "0", "-1.25", "99999.000000001"]))
    checked = CheckedClaim(claim, competency, draw(st.integers(1, 99)), maybe(TEXTS), score, draw(st.booleans()))
    origin = Origin("maple", draw(TEXTS), draw(SLUGS), "stream", maybe(TEXTS))
    return checked, Occurrence(Accept(checked), origin, UUID(int=7), UUID(int=8), UUID(int=9), AT)


@given(said=decided(), moved_from=st.none() | st.uuids())
def test_accepted_evidence_reads_as_its_model_and_is_written_as_by_it(
    said: tuple[CheckedClaim, Occurrence], moved_from: UUID | None
) -> None:
    written = accepted(*said, moved_from=moved_from)
    event = EvidenceAcceptedV1.model_validate_json(written.content)
    assert (written.TYPE, event.moved_from) == (EvidenceAcceptedV1.TYPE, moved_from)
    assert written.content == event.model_dump_json().encode()


@given(said=decided(), replaced=st.uuids())
def test_revised_evidence_does_too(said: tuple[CheckedClaim, Occurrence], replaced: UUID) -> None:
    written = revised(replaced, *said)
    event = EvidenceRevisedV1.model_validate_json(written.content)
    assert (written.TYPE, event.revises) == (EvidenceRevisedV1.TYPE, replaced)
    assert written.content == event.model_dump_json().encode()
