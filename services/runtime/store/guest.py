"""A partition as seen by a process that does not work it: it reads, and may add a decision under the owner's nose."""

from collections.abc import Callable

from services.runtime.store.database import Cursor
from services.runtime.store.partition import StoredPartition
from services.runtime.store.port import Batch


class GuestPartition(StoredPartition):
    """Decisions of people may arrive at any process; they are committed there, in one transaction.

    It holds the partition's state row to its end, so it comes before or after each commit of the owner, and places its
    events where the streams end then. Every stream it decided on is in `expected`: one that has moved since is a
    VersionConflict, here or, when the owner decided upon what a guest has changed, there; both decide again.
    """

    def claim(self, owner: str, stands: Callable[[Cursor], bool] | None = None) -> None:
        raise TypeError("a guest claims nothing")

    def commit(self, batch: Batch) -> None:
        if batch.positions or batch.known_to is not None:
            raise TypeError("how far a partition has come is for its owner to say")
        if missing := {append.stream for append in batch.appends} - batch.expected.keys():
            raise TypeError(f"{len(missing)} streams of a guest's batch were never looked at")
        with self._committing:
            self._commit(batch, None)
