"""Which policy versions judge a learner as of an instant: adopted, in effect, and enrolled where they apply."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from services.mastery.domain.facts import EnrolmentRecorded, PolicyAdopted
from services.mastery.domain.known import FOR_EVER, INSTANT, Known
from services.mastery.domain.rules import CompiledPolicy, Rules


@dataclass(frozen=True, slots=True)
class Judging:
    """The policies that judge from an instant on, and the last instant at which they are still the same ones."""

    policies: Mapping[str, CompiledPolicy]
    since: datetime
    until: datetime

    def holds_at(self, as_of: datetime) -> bool:
        """Whether this is still true at an instant."""
        return self.since <= as_of <= self.until


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


def judging_from(known: Known, rules: Rules, as_of: datetime) -> Judging:
    """As `in_force`, with how long it holds while nothing else becomes known."""
    return Judging(in_force(known, rules, as_of), as_of, min(_changes(known, rules, as_of), default=FOR_EVER))


def _changes(known: Known, rules: Rules, as_of: datetime) -> Iterator[datetime]:
    """The last instants before a version takes effect or ends, or an enrolment does."""
    for versions in known.adoptions.values():
        yield from (a.effective_from - INSTANT for a in versions if a.effective_from > as_of)
        adoption = _effective(versions, as_of)
        if adoption is None:
            continue
        ends = rules[adoption.digest].effective_to
        if ends is not None and ends >= as_of:
            yield ends
        if adoption.organisation is not None or adoption.cohorts:
            yield from _enrolments_change(known, as_of.date())


def _enrolments_change(known: Known, day: date) -> Iterator[datetime]:
    """Enrolments go by days: the last instants before one begins, and of those that have not ended."""
    for enrolment in known.enrolments.values():
        if enrolment.begins_on is not None and enrolment.begins_on > day:
            yield datetime.combine(enrolment.begins_on, time.min, UTC) - INSTANT
        if enrolment.ends_on is not None and enrolment.ends_on >= day:
            yield datetime.combine(enrolment.ends_on, time.max, UTC)


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
