"""Sequences that grow at their end, while whoever holds a shorter one keeps what it holds."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar, overload

T = TypeVar("T")


class Prefix(Sequence[T]):
    """The first so many of a list that is only ever added to: one more costs as much as one, not as much as all."""

    __slots__ = ("_items", "_size")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, items: Iterable[T] = ()) -> None:
        """A list is not copied: it may be added to from now on, and nothing else."""
        self._items = items if isinstance(items, list) else list(items)
        self._size = len(self._items)

    def plus(self, item: T) -> "Prefix[T]":
        """This and one more; the list is shared unless somebody has added to it, or there is nothing to share yet."""
        items = self._items if 0 < self._size == len(self._items) else self._items[: self._size]
        items.append(item)
        return Prefix(items)

    def latest(self, count: int) -> list[T]:
        """So many from the end, or all."""
        return self._items[max(0, self._size - count) : self._size]

    def last(self) -> T | None:
        """The one at the end, where there is one."""
        return self._items[self._size - 1] if self._size else None

    def begins(self, other: "Prefix[T]") -> bool:
        """Whether the other is this with more at its end, as `plus` makes it."""
        return other._items is self._items and self._size <= other._size

    def after(self, start: int) -> Iterator[T]:
        """All from a place on, without a look at those before."""
        return islice(self._items[start:], self._size - start) if start else iter(self)

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[T]:
        return iter(self._items) if self._size == len(self._items) else islice(self._items, self._size)

    @overload
    def __getitem__(self, at: int) -> T: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[T]: ...

    def __getitem__(self, at: int | slice) -> T | Sequence[T]:
        if isinstance(at, slice):
            return self._items[slice(*at.indices(self._size))]
        return self._items[range(self._size)[at]]

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, Prefix | tuple) else NotImplemented

    def __repr__(self) -> str:
        return f"Prefix({list(self)!r})"
