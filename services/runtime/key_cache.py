"""Keys already unwrapped, the most recently used of them; all are forgotten when any key anywhere is destroyed."""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=Hashable)
Key = TypeVar("Key")


class KeyCache(Generic[Name, Key]):
    """Thread-safe; a key read before a destruction can never be put in after it."""

    def __init__(self, size_max: int) -> None:
        self._size_max = size_max
        self._keys: OrderedDict[Name, Key] = OrderedDict()
        self._destroyed = 0
        self._lock = Lock()

    def get(self, name: Name) -> Key | None:
        """The key, now the most recently used; None when it is not here."""
        with self._lock:
            found = self._keys.get(name)
            if found is not None:
                self._keys.move_to_end(name)
            return found

    def put(self, name: Name, key: Key, destroyed: int) -> None:
        """Keep a key that was read when `destroyed` keys had been destroyed; one read too early is not kept."""
        with self._lock:
            self._forget_if_more(destroyed)
            if destroyed == self._destroyed:
                self._keys[name] = key
            if len(self._keys) > self._size_max:
                self._keys.popitem(last=False)

    def seen(self, destroyed: int) -> None:
        """So many keys have been destroyed by now, by whomever."""
        with self._lock:
            self._forget_if_more(destroyed)

    def _forget_if_more(self, destroyed: int) -> None:
        if destroyed > self._destroyed:
            self._keys.clear()
            self._destroyed = destroyed
