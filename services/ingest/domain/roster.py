"""What a roster says of one person: identifiers to link, names for the vault, enrolments."""

from dataclasses import dataclass
from datetime import date

from services.ingest.domain.claims import Fault, Identifier


@dataclass(frozen=True, slots=True)
class RosterEnrolment:
    """At an organisation from the first day to the last (inclusive); `id` is the roster's own, stable over imports."""

    id: str
    organisation: str
    cohort: str | None = None
    begins_on: date | None = None
    ends_on: date | None = None
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class RosterEntry:
    """One person; `role` is student for learners. Names and e-mail are for the vault only."""

    row: int
    identifiers: tuple[Identifier, ...]
    role: str
    given_name: str | None = None
    family_name: str | None = None
    email: str | None = None
    enrolments: tuple[RosterEnrolment, ...] = ()
    withdrawn: bool = False
    known_only: bool = False  # no learner is registered for it: it only changes one


@dataclass(frozen=True, slots=True)
class Roster:
    """Who can be registered, and the rows that cannot be read."""

    entries: tuple[RosterEntry, ...]
    faults: tuple[Fault, ...] = ()
