"""Whose rows a piece of work may see: those of the tenants it names, or every tenant's, and then by what name.

PostgreSQL enforces it row by row (`store/row_security.py`); SQLite's file is one operator's own and has no such thing.
Work that says nothing sees no tenant's rows.
"""

from contextvars import ContextVar, Token
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Seen:
    """The tenants whose rows are seen; with `every`, all of them, under the name of the work that needs that."""

    tenants: tuple[str, ...] = ()
    every: str = ""


NOBODYS = Seen()

_seen: ContextVar[Seen] = ContextVar("seen", default=NOBODYS)


def seen() -> Seen:
    """What the work at hand may see."""
    return _seen.get()


def see_only(*tenants: str) -> None:
    """From now on, in this request: what its caller's key stands for."""
    _seen.set(Seen(tuple(sorted(set(tenants)))))


class Seeing:
    """For the length of a block; what could be seen before it can be seen after it."""

    __slots__ = ("_before", "_seen")

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._before: Token[Seen] | None = None

    def __enter__(self) -> None:
        self._before = _seen.set(self._seen)

    def __exit__(self, *_: object) -> None:
        assert self._before is not None, "left once, after it was entered"
        _seen.reset(self._before)


def tenants(*names: str) -> Seeing:
    """Work for these tenants; a batch that carries several names them all."""
    return Seeing(Seen(tuple(sorted(set(names)))))


def every_tenant(work: str) -> Seeing:
    """Work that is no tenant's and must see all: a relay, a consumer, a request nobody has signed yet."""
    return Seeing(Seen(every=work))
