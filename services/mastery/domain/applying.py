"""Which policy versions judge a learner as of an instant: adopted, in effect, and enrolled where they apply."""

from datetime import date, datetime

from services.mastery.domain.facts import EnrolmentRecorded, PolicyAdopted
from services.mastery.domain.known import Known
from services.mastery.domain.rules import CompiledPolicy, Rules


def in_force(known: Known, rules: Rules, as_of: datetime) -> dict[str, CompiledPolicy]:
    """The policies that judge the learner as of an instant, by policy id, in the order of the ids."""
    adopted = {name: _effective(versions, as_of) for name, versions in sorted(known.adoptions.items())}
    judging = {
        name: rules[adoption.digest]
        for name, adoption in adopted.items()
        if adoption is not None and _applies(known, adoption, rules[adoption.digest], as_of)
    }
    superseded = {name for policy in judging.values() for name in policy.supersedes}
    return {name: policy for name, policy in judging.items() if name not in superseded}


def _effective(versions: tuple[PolicyAdopted, ...], as_of: datetime) -> PolicyAdopted | None:
    effective = [adoption for adoption in versions if adoption.effective_from <= as_of]
    return effective[-1] if effective else None


def _applies(known: Known, adoption: PolicyAdopted, policy: CompiledPolicy, as_of: datetime) -> bool:
    if policy.effective_to is not None and as_of > policy.effective_to:
        return False
    if adoption.organisation is None and not adoption.cohorts:
        return True
    return any(_enrolled(enrolment, adoption, as_of.date()) for enrolment in known.enrolments.values())


def _enrolled(enrolment: EnrolmentRecorded, adoption: PolicyAdopted, day: date) -> bool:
    return (
        adoption.organisation in (None, enrolment.organisation)
        and (not adoption.cohorts or enrolment.cohort in adoption.cohorts)
        and (enrolment.begins_on is None or enrolment.begins_on <= day)
        and (enrolment.ends_on is None or day <= enrolment.ends_on)
    )
