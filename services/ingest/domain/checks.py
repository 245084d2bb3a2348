"""Is a claim one that could be counted: known competency and scale, a value on it, a believable time, sound text?"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Final

from services.ingest.domain.catalogue import Catalogue, Competency, Scale
from services.ingest.domain.claims import Claim, Fault

SLUG: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
EXACT: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{1,9})?")
KINDS: Final = frozenset({"summative", "formative", "baseline", "self_assessment"})
EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(9999, 12, 31, tzinfo=UTC)
CODE_CHARACTERS_MAX: Final = 200
IDENTIFIER_CHARACTERS_MAX: Final = 320
RECORD_KEY_CHARACTERS_MAX: Final = 500
COMMENT_CHARACTERS_MAX: Final = 4000
ATTEMPT_MAX: Final = 10_000


@dataclass(slots=True, unsafe_hash=True)
class CheckedClaim:
    """A claim with the competency and scale version it was checked against; `observed` has the last word."""

    claim: Claim
    competency: Competency
    scale_version: int
    level: str | None
    score: str | None
    observed: bool


def check(
    claim: Claim,
    catalogue: Catalogue,
    received_at: datetime,
    zone: tzinfo = UTC,
    assesses: frozenset[str] | None = None,
) -> CheckedClaim | Fault:
    """The claim as it may be counted, or the first thing wrong with it."""
    fault = _text_fault(claim) or _time_fault(claim, received_at, zone)
    if fault is not None:
        return fault
    competency = catalogue.competency(claim)
    if isinstance(competency, Fault):
        return competency
    if assesses is not None and competency.framework not in assesses:
        return claim.fault("competency", "not-for-this-source", "of a framework that the source may not assess")
    scale = catalogue.scale(claim)
    return scale if isinstance(scale, Fault) else _rated(claim, competency, scale)


def _rated(claim: Claim, competency: Competency, scale: Scale) -> CheckedClaim | Fault:
    """A code the scale calls a state (N/A, not yet assessed) is not an observation, whatever the mapping says."""
    said = claim.level if claim.level is not None else claim.score
    if not claim.observed or (said is not None and said in scale.not_values):
        return CheckedClaim(claim, competency, scale.version, None, None, False)
    fault = _level_fault(claim, scale) if claim.level is not None else _score_fault(claim, scale)
    return fault or CheckedClaim(claim, competency, scale.version, claim.level, claim.score, True)


def _level_fault(claim: Claim, scale: Scale) -> Fault | None:
    if claim.score is not None:
        return claim.fault("score", "level-and-score", "a rating is a level or a score, not both")
    if claim.level not in scale.levels:
        return claim.fault("level", "unknown-level", "the scale has no level of this code")
    return None


def _score_fault(claim: Claim, scale: Scale) -> Fault | None:
    if claim.score is None:
        return claim.fault("score", "rating-missing", "observed, but neither level nor score")
    if scale.minimum is None or scale.maximum is None:
        return claim.fault("score", "score-on-level-scale", "the scale has levels and takes no scores")
    if EXACT.fullmatch(claim.score) is None:
        return claim.fault("score", "score-not-decimal", "at most 12 digits before the point and 9 after it")
    if not scale.minimum <= Decimal(claim.score) <= scale.maximum:
        return claim.fault("score", "score-out-of-range", "outside the scale's range")
    return None


def _time_fault(claim: Claim, received_at: datetime, zone: tzinfo) -> Fault | None:
    if claim.occurred_at < EARLIEST:
        return claim.fault("occurred_at", "occurred-too-early", "before 1900")
    if claim.occurred_at >= end_of_next_day(received_at, zone):
        return claim.fault("occurred_at", "occurred-in-future", "later than the end of the day after it was received")
    if claim.expires_at is not None and not claim.occurred_at <= claim.expires_at < LATEST:
        return claim.fault(
            "expires_at", "expiry-not-believable", "expires before it was shown, or never within the calendar"
        )
    return None


@lru_cache(maxsize=64)
def end_of_next_day(received_at: datetime, zone: tzinfo) -> datetime:
    """The first instant of the day after tomorrow where the source is; nothing can have been shown then or later."""
    midnight = received_at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight + timedelta(days=2)).astimezone(UTC)


def _text_fault(claim: Claim) -> Fault | None:
    """Everything that goes into an event fits the event's shape, so that publishing cannot fail later."""
    for name, slug in _slugs(claim):
        if slug is not None and not is_slug(slug):
            return claim.fault(name, "not-a-slug", "lower-case letters, digits, dots and dashes; at most 63")
    for name, text, characters_max in _texts(claim):
        if text is not None and not 1 <= len(text) <= characters_max:
            return claim.fault(name, "text-too-long", f"1 to {characters_max} characters")
    if claim.kind not in KINDS:
        return claim.fault("kind", "unknown-kind", "summative, formative, baseline or self_assessment")
    if claim.attempt is not None and not 0 <= claim.attempt <= ATTEMPT_MAX:
        return claim.fault("activity.attempt", "attempt-out-of-range", f"a number from 0 to {ATTEMPT_MAX}")
    return None


@lru_cache(maxsize=1024)
def is_slug(text: str) -> bool:
    """Is it a short name? A sender's are the same few again and again."""
    return SLUG.fullmatch(text) is not None


def _slugs(claim: Claim) -> tuple[tuple[str, str | None], ...]:
    return (
        ("scale", claim.scale),
        ("pathway", claim.pathway),
        ("framework", claim.framework),
        ("assessor.role", claim.assessor.role),
        ("assessor.organisation", claim.assessor.organisation),
    )


def _texts(claim: Claim) -> tuple[tuple[str, str | None, int], ...]:
    return (
        ("learner", claim.learner.value, IDENTIFIER_CHARACTERS_MAX),
        ("record_key", claim.record_key, RECORD_KEY_CHARACTERS_MAX),
        ("competency", claim.competency, CODE_CHARACTERS_MAX),
        ("level", claim.level, CODE_CHARACTERS_MAX),
        ("assessor.id", claim.assessor.id, CODE_CHARACTERS_MAX),
        ("activity.id", claim.activity, CODE_CHARACTERS_MAX),
        ("activity.artifact", claim.artifact, CODE_CHARACTERS_MAX),
        ("comment", claim.comment, COMMENT_CHARACTERS_MAX),
    )
