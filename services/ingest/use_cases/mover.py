"""The worker that completes moves a kill has interrupted."""

import threading

from services.ingest.storage import moves
from services.ingest.use_cases.group_commit import GroupCommit, NotDurable, TooBusy
from services.ingest.use_cases.move import MoveBatch, Tools
from services.runtime.store.database import Database, StoreError

LOOK_S = 1.0


class Mover:
    """Batch by batch, the oldest move first; whoever asked for a move does the same, and both may."""

    name = "mover"

    def __init__(self, database: Database, commits: GroupCommit, tools: Tools) -> None:
        self._database, self._commits, self._tools = database, commits, tools

    def pending(self) -> int:
        """How many moves are not complete."""
        with self._database.read() as cursor:
            return moves.count_moving(cursor)

    def run(self, stop: threading.Event) -> None:
        """Until told to stop; the rest moves after the next start."""
        while not stop.is_set():
            if not self._try_step():
                stop.wait(LOOK_S)

    def _try_step(self) -> bool:
        try:
            with self._database.read() as cursor:
                move = moves.next_move(cursor)
            if move is not None:
                self._commits.do(MoveBatch(self._tools, move.id))
            return move is not None
        except (NotDurable, TooBusy, StoreError):
            return False
