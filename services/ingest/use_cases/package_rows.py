"""The rows of a package are settled against what the source's packages said before, and the book is kept with them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from services.ingest.domain.claims import Claim, NoClaim, Withdrawal
from services.ingest.domain.outcomes import Outcome
from services.ingest.storage import imports, packages, verdicts
from services.ingest.storage.imports import Import
from services.ingest.storage.packages import Said
from services.ingest.use_cases.group import Draft, Group, Known
from services.ingest.use_cases.settle import NO_TAG, Item, Origin, Place, Settle
from services.ingest.use_cases.take import tags_of

DELETED = NoClaim("deleted")


@dataclass(frozen=True, slots=True)
class PackageItem:
    """A row, and how the book will have it; `said` is None for a row that has no place there."""

    item: Item
    file: str = ""
    said: Said | None = None


@dataclass(slots=True)
class Settled:
    """What some rows came to, and their effect on what counts."""

    reached: int
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    effects: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class SettlePackageRows:
    """Work: the next rows of a package, the book's, and how far the import has come, in one transaction.

    With an `overlay` it is all decided on paper: what the rows before would have done is there, and nothing is kept.
    """

    alone: ClassVar[bool] = True
    behind: ClassVar[bool] = True
    origin: Origin
    receipt: UUID
    received_at: datetime
    progress: Import
    rows: Sequence[PackageItem]
    total: int
    state: str
    settle: Settle
    book_only: Sequence[tuple[str, Said]] = ()
    overlay: Known | None = None

    @property
    def items(self) -> int:
        return len(self.rows)

    def ask(self, group: Group) -> None:
        """What the rows name is looked up when they are decided, with what the book says of them."""

    def decide(self, draft: Draft) -> Settled:
        """Each row in its place."""
        book = self._book(draft)
        self._load(draft.group, book)
        paper = draft if self.overlay is None else Draft(draft.group, self.overlay)
        done = Settled(self.progress.next_row)
        for row in self.rows:
            self._settle(paper, row, book, done)
        place = (done.reached, self.total, self.state, self.progress.id.bytes)
        effects = (done.effects["added"], done.effects["changed"], done.effects["removed"], self.progress.id.bytes)
        paper.writes.add(packages.PUT_ROW, *(said.row(self.origin.source, file) for file, said in self.book_only))
        paper.writes.add(imports.MOVE_IMPORT, place)
        paper.writes.add(verdicts.ADD_EFFECTS, effects)
        return done

    def _settle(self, draft: Draft, row: PackageItem, book: Mapping[tuple[str, bytes], Said], done: Settled) -> None:
        place = Place(self.progress.receipt, self.receipt, done.reached, self.received_at)
        item, said = row.item, row.said
        if said is not None:
            item, record = judged(row.item, said, book.get((row.file, said.tag)))
            draft.writes.add(packages.PUT_ROW, replace(said, record=record).row(self.origin.source, row.file))
        settled = self.settle(draft, self.origin, place, item)
        done.reached += 1
        done.outcomes[settled.outcome] += 1
        done.effects[settled.effect or ""] += 1

    def _book(self, draft: Draft) -> dict[tuple[str, bytes], Said]:
        wanted: dict[str, list[bytes]] = {}
        for row in self.rows:
            if row.said is not None:
                wanted.setdefault(row.file, []).append(row.said.tag)
        return {
            (file, tag): said
            for file, tags in wanted.items()
            for tag, said in packages.rows_by_tag(draft.group.cursor, self.origin.source, file, tags).items()
        }

    def _load(self, group: Group, book: Mapping[tuple[str, bytes], Said]) -> None:
        records, learners = tags_of([row.item for row in self.rows])
        group.load(records | {said.record for said in book.values() if said.record}, (), learners)


def judged(item: Item, said: Said, before: Said | None) -> tuple[Item, bytes | None]:
    """What the row says, seen with what was counted for it so far; and what is counted for it from now on.

    A row that is deleted, or that no longer claims anything, takes back what it claimed, whatever the mapping says.
    """
    counted = before.record if before is not None else None
    if said.gone:
        return _deleted(item, counted), None
    if isinstance(item.reading, NoClaim) and counted is not None:
        return Item(Withdrawal(""), item.line, counted), None
    if isinstance(item.reading, Withdrawal):
        return item, None
    return item, (item.record or counted)


def _deleted(item: Item, counted: bytes | None) -> Item:
    if counted is not None:
        return Item(Withdrawal(""), item.line, counted)
    if isinstance(item.reading, Claim | Withdrawal) and item.record != NO_TAG:
        return Item(Withdrawal(""), item.line, item.record)
    return Item(DELETED, item.line)
