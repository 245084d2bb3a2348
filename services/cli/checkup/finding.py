"""What was looked at, how it is, and what to do about it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

State = Literal["good", "watch", "wrong"]  # watch: it works, and somebody should know


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report."""

    what: str
    state: State
    said: str
    remedy: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


Check = Callable[[], Iterable[Finding]]


def surely(what: str, check: Check) -> Iterator[Finding]:
    """What the check finds; a check that cannot be made is a finding too."""
    try:
        yield from list(check())
    except Exception as fault:
        yield Finding(
            what, "wrong", f"cannot be looked at ({type(fault).__name__}: {fault})", "see that you may read it"
        )
