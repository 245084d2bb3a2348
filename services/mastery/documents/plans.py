"""One competency of a policy document as a plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from services.mastery.documents import policy as documents
from services.mastery.documents.canonical import refuse
from services.mastery.documents.framework import Item
from services.mastery.documents.policy import Competency, PolicyDocument, days_of
from services.mastery.documents.scale import ScaleDocument, mark_units, points_of
from services.mastery.domain.estimators import estimator
from services.mastery.domain.rounding import UNIT, Rounding
from services.mastery.domain.rules import Attempts, Estimate, Gate, Plan, Selection

KINDS = frozenset({"summative", "formative", "baseline", "self_assessment"})
NOT_MASTERY = frozenset({"baseline", "self_assessment"})


@dataclass(frozen=True, slots=True)
class ScaleInUse:
    """A scale a competency is judged on, in every version of it that the policy names; marks are the newest's."""

    newest: ScaleDocument
    versions: tuple[ScaleDocument, ...]
    pointer: str

    def mark(self, mark: str, *path: str) -> int:
        """A mark of the policy as a scaled integer."""
        try:
            return mark_units(self.newest, mark)
        except ValueError as error:
            raise refuse("/".join((self.pointer, *path)), str(error)) from None


@dataclass(frozen=True, slots=True)
class Scales:
    """The scales a policy names."""

    documents: Mapping[tuple[str, int], ScaleDocument]

    def of(self, named: str | None, pointer: str) -> ScaleInUse:
        """The scale a competency names, or the only one there is."""
        ids = {scale for scale, _ in self.documents}
        if named is None and len(ids) > 1:
            raise refuse(pointer, "the policy names several scales; say which this is judged on")
        wanted = named or next(iter(ids))
        versions = sorted((s for s in self.documents.values() if s.id == wanted), key=lambda s: s.version)
        if not versions:
            raise refuse(f"{pointer}/scale", "the policy names no such scale")
        return ScaleInUse(versions[-1], tuple(versions), pointer)


def plan_of(
    document: PolicyDocument, competency: Competency, framework: str, item: Item, scales: Scales, pointer: str
) -> Plan:
    """How a competency is judged."""
    scale = scales.of(competency.scale, pointer)
    estimate, decide = competency.estimate, competency.decide
    rounding = estimate.round if estimate is not None else documents.Round()
    return Plan(
        code=item.code,
        competency=item.identifier,
        framework=framework,
        scale=scale.newest.id,
        scale_version=scale.newest.version,
        scales={(version.id, version.version): points_of(version) for version in scale.versions},
        selection=_selection(document.select),
        required=_required(competency, scale),
        levels=_levels(competency, scale),
        method=estimate.method if estimate is not None else "highest",
        estimate=_estimate(estimate, scale),
        gate=_gate(competency.gate, scale),
        attempts=Attempts(document.attempts.key, document.attempts.keep) if document.attempts else Attempts(),
        rounding=Rounding(rounding.places, rounding.mode),
        compare_rounded=decide.compare_on == "rounded",
    )


def _selection(select: documents.Select) -> Selection:
    kinds = KINDS if select.kinds is None else frozenset(select.kinds)
    default = NOT_MASTERY if select.kinds is None else frozenset()
    left_out = default if select.exclude is None else frozenset(select.exclude)
    return Selection(
        kinds=kinds - left_out,
        pathways=frozenset(select.pathways) if select.pathways is not None else None,
        assessor_roles=frozenset(select.assessor_roles) if select.assessor_roles is not None else None,
    )


def _required(competency: Competency, scale: ScaleInUse) -> Fraction:
    """The policy's own mark; else its level `proficient`; else, of a gate alone, the gate's; else the scale's."""
    decide, levels = competency.decide, competency.decide.levels or {}
    if decide.at_least is not None:
        named = levels.get(decide.at_least, decide.at_least)
        return Fraction(scale.mark(named, "decide", "at_least"), UNIT)
    if "proficient" in levels:
        return Fraction(scale.mark(levels["proficient"], "decide", "levels", "proficient"), UNIT)
    if competency.estimate is None and competency.gate.at_least is not None:
        return Fraction(scale.mark(competency.gate.at_least, "gate", "at_least"), UNIT)
    return Fraction(scale.mark(scale.newest.proficient), UNIT)


def _levels(competency: Competency, scale: ScaleInUse) -> tuple[tuple[Fraction, str], ...]:
    named = competency.decide.levels or {level.code: level.code for level in scale.newest.levels}
    marks = ((Fraction(scale.mark(mark, "decide", "levels", name), UNIT), name) for name, mark in named.items())
    return tuple(sorted(marks))


def _estimate(estimate: documents.Estimate | None, scale: ScaleInUse) -> Estimate | None:
    if estimate is None:
        return None
    parameters = {} if estimate.n is None else {"n": estimate.n}
    if estimate.method == "n_mastery":
        parameters["mark"] = scale.mark(estimate.at_least or scale.newest.proficient, "estimate", "at_least")
    return estimator(estimate.method, **parameters)


def _gate(gate: documents.Gate, scale: ScaleInUse) -> Gate:
    distinct = gate.distinct.model_dump(exclude_none=True)
    return Gate(
        count=gate.count or 0,
        at_least=None if gate.at_least is None else scale.mark(gate.at_least, "gate", "at_least"),
        distinct=tuple((what, distinct[what]) for what in ("pathway", "assessor", "organisation") if what in distinct),
        require=tuple((require.pathway, require.count) for require in gate.require),
        max_age=None if gate.max_age is None else days_of(gate.max_age),
    )
