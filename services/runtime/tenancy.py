"""Whose rows a piece of work may see: those of the tenants it names, or every tenant's, and then by what name.

PostgreSQL enforces it row by row (`store/row_security.py`); SQLite's file is one operator's own and has no such thing.
Work that says nothing sees no tenant's rows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
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


@contextmanager
def tenants(*names: str) -> Iterator[None]:
    """Work for these tenants; a batch that carries several names them all."""
    token = _seen.set(Seen(tuple(sorted(set(names)))))
    try:
        yield
    finally:
        _seen.reset(token)


@contextmanager
def every_tenant(work: str) -> Iterator[None]:
    """Work that is no tenant's and must see all: a relay, a consumer, a request nobody has signed yet."""
    token = _seen.set(Seen(every=work))
    try:
        yield
    finally:
        _seen.reset(token)
