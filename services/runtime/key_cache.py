"""Keys already unwrapped, the most recently used of them; all are forgotten when any key anywhere is destroyed.

A few of them are kept set up: whoever opens a learner's evidence mostly seals something for the same learner next.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from threading import Lock
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=Hashable)
Key = TypeVar("Key")


class KeyCache(Generic[Name, Key]):
    """Thread-safe; a key read before a destruction can never be put in after it."""

    def __init__(self, size_max: int, set_up: Callable[[Key], Key], set_up_max: int) -> None:
        self._size_max, self._set_up, self._set_up_max = size_max, set_up, set_up_max
        self._keys: OrderedDict[Name, Key] = OrderedDict()
        self._ready: OrderedDict[Name, Key] = OrderedDict()  # of those, the ones set up
        self._destroyed = 0
        self._lock = Lock()

    @property
    def destroyed(self) -> int:
        """How many keys had been destroyed when that was last looked at; none of them is one that is made now."""
        return self._destroyed

    def get(self, name: Name) -> Key | None:
        """The key set up, now the most recently used; None when it is not here."""
        with self._lock:
            found = self._ready.get(name)
            return found if found is not None else self._made_ready(name)

    def missing(self, names: Iterable[Name]) -> list[Name]:
        """Those whose keys are not here, each once; whoever only asks this uses none."""
        with self._lock:
            return [name for name in dict.fromkeys(names) if name not in self._keys]

    def _made_ready(self, name: Name) -> Key | None:
        key = self._keys.get(name)
        if key is None:
            return None
        self._keys.move_to_end(name)
        ready = self._ready[name] = self._set_up(key)
        if len(self._ready) > self._set_up_max:
            self._ready.popitem(last=False)
        return ready

    def put(self, name: Name, key: Key, destroyed: int) -> None:
        """Keep a key that was read when `destroyed` keys had been destroyed; one read too early is not kept."""
        with self._lock:
            self._forget_if_more(destroyed)
            if destroyed == self._destroyed:
                self._keys[name] = key
            if len(self._keys) > self._size_max:
                self._ready.pop(self._keys.popitem(last=False)[0], None)

    def seen(self, destroyed: int) -> None:
        """So many keys have been destroyed by now, by whomever."""
        with self._lock:
            self._forget_if_more(destroyed)

    def _forget_if_more(self, destroyed: int) -> None:
        if destroyed > self._destroyed:
            self._keys.clear()
            self._ready.clear()
            self._destroyed = destroyed
