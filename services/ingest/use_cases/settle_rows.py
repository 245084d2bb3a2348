"""The works of a file: its next rows, or that it cannot be read; each in one transaction with how far it has come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from services.ingest.storage import imports
from services.ingest.storage.imports import Import
from services.ingest.use_cases.group import Draft, Group
from services.ingest.use_cases.settle import Item, Origin, Place, Settle
from services.ingest.use_cases.take import tags_of
from services.runtime.refusals import Refusal


@dataclass(frozen=True, slots=True)
class SettleRows:
    """Work: the next rows of a file, and how far it has come, in one transaction."""

    alone: ClassVar[bool] = False
    behind: ClassVar[bool] = True
    origin: Origin
    receipt: UUID
    received_at: datetime
    progress: Import
    rows: Sequence[Item]
    rows_total: int
    settle: Settle

    @property
    def items(self) -> int:
        return len(self.rows)

    def ask(self, group: Group) -> None:
        """What the rows name; another process may have settled them meanwhile."""
        found = imports.import_by_id(group.cursor, self.progress.id)
        if found is None or found.next_row != self.progress.next_row:
            raise SettledElsewhere
        records, learners = tags_of(self.rows)
        group.load(records, (), learners)

    def decide(self, draft: Draft) -> int:
        """The row to go on from."""
        first = self.progress.next_row
        for number, item in enumerate(self.rows, first):
            place = Place(self.progress.receipt, self.receipt, number, self.received_at)
            self.settle(draft, self.origin, place, item)
        reached = first + len(self.rows)
        state = "done" if reached == self.rows_total else "running"
        draft.writes.add(imports.MOVE_IMPORT, (reached, self.rows_total, state, self.progress.id.bytes))
        return reached


@dataclass(frozen=True, slots=True)
class RefuseFile:
    """Work: the file cannot be read at all."""

    alone: ClassVar[bool] = False
    items: ClassVar[int] = 1
    progress: Import
    fault: str

    def ask(self, group: Group) -> None:
        """Nothing is looked up."""

    def decide(self, draft: Draft) -> None:
        """Say why."""
        draft.writes.add(imports.REFUSE_IMPORT, (self.fault, self.progress.id.bytes))


class SettledElsewhere(Refusal):
    """Another process settles this file and is further on."""

    status: ClassVar[int] = 409
