"""What a mapping reads from one item that was sent: a claim, a withdrawal, no claim, or a fault that names no value."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

SUMMATIVE: Final = "summative"
_JSON: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass(slots=True, unsafe_hash=True)
class Identifier:
    """How a sender names a person: `sourcedId`, `username`, `email`, a student number, a placement."""

    scheme: str
    value: str


@dataclass(slots=True, unsafe_hash=True)
class ClaimedAssessor:
    """Who judged, as the source names them; never a person's name."""

    id: str
    role: str
    organisation: str


@dataclass(slots=True, unsafe_hash=True)
class Claim:
    """Learner showed competency at a level or score. Text is as the source wrote it; checks come later.

    `competency` is a CASE identifier or a code; `score` an exact decimal. Neither level nor score when not observed.
    """

    learner: Identifier
    record_key: str | None
    competency: str
    framework: str | None
    scale: str
    level: str | None
    score: str | None
    observed: bool
    occurred_at: datetime
    pathway: str
    assessor: ClaimedAssessor
    kind: str = SUMMATIVE
    activity: str | None = None
    artifact: str | None = None
    attempt: int | None = None
    comment: str | None = None
    expires_at: datetime | None = None
    pointers: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)  # where each field was read

    def fault(self, name: str, reason: str, detail: str) -> "Fault":
        """A fault in this field, pointing at what it was read from."""
        return Fault(reason, self.pointers.get(name, ""), f"{name}: {detail}")

    def content(self) -> bytes:
        """What this version says, byte for byte: two versions of a record with equal content are the same version."""
        return _JSON.encode(self.said()).encode()

    def said(self) -> tuple[str | int | None, ...]:
        """What `content` writes as JSON: all but whose it is.

        The learner is left out (senders name one person in several ways; compare the learner it resolves to),
        and so is the record key, which is what the versions share.
        """
        at, expires = self.occurred_at.isoformat(), self.expires_at.isoformat() if self.expires_at else None
        assessor = (self.assessor.id, self.assessor.role, self.assessor.organisation)
        said = (self.competency, self.framework, self.scale, self.level, self.score, self.observed, at, self.pathway)
        beside = (self.kind, self.activity, self.artifact, self.attempt, self.comment, expires)
        return (*said, *assessor, *beside)


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """The sender takes back whatever this record said; it need not say again what that was, or of whom."""

    record_key: str
    reason: str = "withdrawn by the source"
    learner: Identifier | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class NoClaim:
    """Understood, and it says nothing about a competency; `reason` is a slug, `learner` whom it names, if anybody."""

    reason: str
    learner: Identifier | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Fault:
    """Cannot be read: a reason slug, a JSON pointer (RFC 6901) into what was sent, words that never hold a value.

    `learner` is whom it speaks of, where that much could be read: whoever erases them erases it.
    """

    reason: str
    pointer: str
    detail: str = ""
    learner: Identifier | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Held:
    """Refers to a faulty row of the same package, which `cause` names; sound itself, as far as can be told."""

    cause: Fault


@dataclass(frozen=True, slots=True)
class Overtaken:
    """The source has said something later about the same thing, so that this is no longer what it says."""


Reading = Claim | Withdrawal | NoClaim | Fault
