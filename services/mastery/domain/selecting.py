"""Which evidence counts for a plan as of an instant, and the rule by which each other piece does not."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from services.mastery.domain.attempts import kept
from services.mastery.domain.facts import EvidenceRecorded
from services.mastery.domain.gates import Scored
from services.mastery.domain.known import BEGINNING, FOR_EVER, INSTANT, Shelf
from services.mastery.domain.rounding import units
from services.mastery.domain.rules import Plan, ScalePoints


@dataclass(slots=True)
class Picked:
    """What was counted, what aged out, what was left out and why, and until when all of this holds."""

    counted: list[Scored] = field(default_factory=list)
    lapsed: list[UUID] = field(default_factory=list)
    excluded: list[tuple[UUID, str]] = field(default_factory=list)
    below: int = 0  # how many for their level
    until: datetime = FOR_EVER


def pick(plan: Plan, shelf: Shelf, as_of: datetime) -> Picked:
    """Sort a shelf into counted, lapsed and excluded."""
    picked = set_aside(shelf)
    pick_more(plan, shelf.current, as_of, picked)
    return picked


def set_aside(shelf: Shelf) -> Picked:
    """Where picking begins: with what counts no more, whoever judges."""
    return Picked(excluded=[(evidence.id, rule) for evidence, rule in shelf.retired])


def pick_more(plan: Plan, pieces: Iterable[EvidenceRecorded], as_of: datetime, picked: Picked) -> None:
    """Sort more pieces, later ones than those before; of a plan that keeps some attempts, all of them at once."""
    if plan.attempts.keep == "all":
        scored = _usable(plan, pieces, as_of, picked)
    else:
        scored = iter(_one_an_attempt(plan, list(_usable(plan, pieces, as_of, picked)), picked))
    floor = plan.gate.at_least if plan.estimate is None else None
    max_age = plan.gate.max_age
    oldest = _oldest(max_age, as_of)
    for piece in scored:
        evidence, points = piece
        if floor is not None and points < floor:
            picked.excluded.append((evidence.id, "below_level"))
            picked.below += 1
        elif evidence.expires_at is not None and _expired(evidence, evidence.expires_at, max_age, as_of):
            picked.excluded.append((evidence.id, "expired"))
        elif evidence.occurred_at < oldest:
            picked.lapsed.append(evidence.id)
        else:
            picked.counted.append(piece)
            if max_age is not None or evidence.expires_at is not None:
                picked.until = min(picked.until, _counts_until(evidence, max_age))


def _expired(evidence: EvidenceRecorded, expires_at: datetime, max_age: timedelta | None, as_of: datetime) -> bool:
    """Whether expiry ended it: what had lapsed by age before stays lapsed, so that the rule named never changes."""
    return expires_at < as_of and (max_age is None or expires_at < evidence.occurred_at + max_age)


def _oldest(max_age: timedelta | None, as_of: datetime) -> datetime:
    """What is exactly as old as allowed still counts."""
    return BEGINNING if max_age is None or as_of - BEGINNING < max_age else as_of - max_age


def _counts_until(evidence: EvidenceRecorded, max_age: timedelta | None) -> datetime:
    """The last instant before a counted piece lapses or expires."""
    expires_at = FOR_EVER if evidence.expires_at is None else evidence.expires_at
    return expires_at if max_age is None else min(expires_at, evidence.occurred_at + max_age)


def points_of(plan: Plan, evidence: EvidenceRecorded) -> int | str:
    """The points of a piece of evidence, or the rule by which it has none."""
    selection = plan.selection
    if not evidence.observed:
        return "not_observed"
    if evidence.kind not in selection.kinds:
        return "kind"
    if selection.pathways is not None and evidence.pathway not in selection.pathways:
        return "pathway"
    if selection.assessor_roles is not None and evidence.assessor_role not in selection.assessor_roles:
        return "assessor_role"
    scale = plan.scales.get((evidence.scale, evidence.scale_version))
    if scale is None:
        return "scale"
    if evidence.level is None:
        return _score_points(scale, evidence.score)
    points = scale.levels.get(evidence.level)
    return _no_points(scale, evidence.level) if points is None else points


def _usable(plan: Plan, pieces: Iterable[EvidenceRecorded], as_of: datetime, picked: Picked) -> Iterator[Scored]:
    for evidence in pieces:
        if evidence.occurred_at > as_of:
            picked.until = min(picked.until, evidence.occurred_at - INSTANT)
            picked.excluded.append((evidence.id, "not_yet"))
        elif isinstance(points := points_of(plan, evidence), str):
            picked.excluded.append((evidence.id, points))
        else:
            yield evidence, points


def _one_an_attempt(plan: Plan, scored: list[Scored], picked: Picked) -> list[Scored]:
    keep = kept(plan.attempts, scored)
    picked.excluded.extend((evidence.id, "attempt") for evidence, _ in scored if evidence.id not in keep)
    return [piece for piece in scored if piece[0].id in keep]


def _no_points(scale: ScalePoints, level: str) -> str:
    return "not_a_value" if level in scale.not_values else "unknown_level"


def _score_points(scale: ScalePoints, score: str | None) -> int | str:
    if score is None:
        return "not_a_value"
    points = units(score)
    return points if scale.minimum <= points <= scale.maximum else "out_of_range"
