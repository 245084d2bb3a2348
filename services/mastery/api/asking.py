"""What every question about a learner may say: as of when, as known when, under which policy and version."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Query

from services.mastery.use_cases.answer import LearnerUnknown, Question
from services.runtime.access import Caller
from services.runtime.clock import last_instant, parse_instant
from services.runtime.problems import Refusal

YEAR_MIN, YEAR_MAX = 1900, 2200
BOUND_TO_ENROLMENT = frozenset({"teacher", "adviser"})
BOUND_TO_LEARNER = frozenset({"learner", "guardian"})


class InstantRefused(Refusal):
    """A day or an RFC 3339 instant with its offset is wanted, between 1900 and 2200."""


class VersionWithoutPolicy(Refusal):
    """A version is a policy's: say which."""


Instant = Annotated[str | None, Query(max_length=40, description="A day (its last instant in UTC) or an instant.")]


@dataclass(frozen=True, slots=True)
class Asking:
    """The question as it was put, before anyone is looked up."""

    learner: UUID
    as_of: datetime | None
    known_at: datetime | None
    policy: str | None
    version: int | None

    def by(self, caller: Caller) -> Question:
        """The caller's question; whom the caller may not ask about is unknown to it."""
        if caller.role in BOUND_TO_LEARNER and caller.learner != self.learner:
            raise LearnerUnknown
        return Question(
            tenant=caller.tenant,
            learner=self.learner,
            as_of=self.as_of,
            known_at=self.known_at,
            policy=self.policy,
            version=self.version,
            organisation=caller.organisation if caller.role in BOUND_TO_ENROLMENT else None,
        )


def _asked(
    learner: Annotated[UUID, Path()],
    as_of: Instant = None,
    known_at: Instant = None,
    policy: Annotated[str | None, Query(max_length=63)] = None,
    version: Annotated[int | None, Query(ge=1, le=999_999_999)] = None,
) -> Asking:
    if version is not None and policy is None:
        raise VersionWithoutPolicy(pointer="/version")
    return Asking(learner, read_instant(as_of, "as_of"), read_instant(known_at, "known_at"), policy, version)


def read_instant(text: str | None, name: str) -> datetime | None:
    """An instant, or the last one of a day; `name` is where it was said."""
    if text is None:
        return None
    try:
        at = last_instant(date.fromisoformat(text)) if len(text) == 10 else parse_instant(_with_plus(text))
    except (ValueError, OverflowError):
        raise _refused(name) from None
    if not YEAR_MIN <= at.year <= YEAR_MAX:
        raise _refused(name)
    return at.astimezone(UTC)


def _with_plus(text: str) -> str:
    """A plus sign in a query reads as a blank."""
    return text.replace(" ", "+") if "T" in text else text


def _refused(name: str) -> InstantRefused:
    detail = "a day or an RFC 3339 instant with its offset, between 1900 and 2200"
    return InstantRefused(pointer=f"/{name}", errors=[{"in": "query", "name": name, "detail": detail}])


Asks = Annotated[Asking, Depends(_asked)]
