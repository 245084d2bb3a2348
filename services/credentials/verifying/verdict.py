"""What a verifier says: whether the credential holds, each check by name, and why not."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum


class Outcome(StrEnum):
    """How one check ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that is wrong: a code for programs, a sentence for people, and where."""

    code: str
    detail: str
    pointer: str = ""


@dataclass
class Verdict:
    """`verified` only when nothing is wrong; `key_from` says whose word the issuer's key rests on."""

    checked_at: datetime
    credential: str | None = None
    issuer: str | None = None
    key_from: str | None = None
    revoked: bool | None = None
    checks: dict[str, Outcome] = field(
        default_factory=lambda: dict.fromkeys(("shape", "issuer", "signature", "period", "status"), Outcome.NOT_CHECKED)
    )
    reasons: list[Reason] = field(default_factory=list)

    @property
    def verified(self) -> bool:
        """Nothing wrong, and nothing left out that the credential asks to be checked."""
        return not self.reasons

    def as_json(self) -> dict[str, object]:
        """The verdict as the API and the command line give it."""
        members = asdict(self) | {"checked_at": self.checked_at.isoformat().replace("+00:00", "Z")}
        return {"verified": self.verified, **members}


class Unbelievable(Exception):
    """A check failed and the ones after it cannot be made."""

    def __init__(self, code: str, detail: str, pointer: str = "") -> None:
        super().__init__(code)
        self.reason = Reason(code, detail, pointer)
