"""Taking a file: durable with its receipt before the answer; what its rows say is settled afterwards."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from services.ingest.storage import imports, inbox
from services.ingest.use_cases.group import Draft, Group
from services.ingest.use_cases.settle import Origin
from services.ingest.use_cases.take import Conflicting, MessageConflict, open_receipt
from services.ingest.use_cases.upload import Kept

DOOR = "file"


@dataclass(frozen=True, slots=True)
class FileTaken:
    """The import of a file, and its receipt."""

    import_id: UUID
    receipt: UUID
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class TakeFile:
    """Work: a file, not yet looked into beyond its first bytes. With a message key a repeat finds the first import."""

    alone: ClassVar[bool] = False
    items: ClassVar[int] = 1
    origin: Origin
    mapping: int
    charset: str | None
    kept: Kept
    content: bytes
    message: bytes | None

    def ask(self, group: Group) -> None:
        """Was it sent before?"""
        if self.message is not None:
            group.load((), {self.message})

    def decide(self, draft: Draft) -> FileTaken | Conflicting:
        """A receipt now; outcomes as its rows are settled."""
        known = draft.message(self.message) if self.message is not None else None
        if known is not None:
            return self._again(draft, known)
        seq, receipt = open_receipt(draft, self.origin, self.content, self.kept.raw)
        if self.message is not None:
            draft.writes.add(inbox.PUT_MESSAGE, (self.message, seq, self.content))
            draft.known.messages[self.message] = inbox.Message(seq, self.content, receipt)
        upload = self.kept.upload.bytes if self.kept.upload else None
        row = (receipt.bytes, self.origin.tenant, self.origin.source, seq, self.mapping)
        draft.writes.add(imports.PUT_IMPORT, (*row, self.charset, upload))
        return FileTaken(receipt, receipt)

    def _again(self, draft: Draft, known: inbox.Message) -> FileTaken | Conflicting:
        if known.content != self.content:
            return Conflicting()
        return FileTaken(known.receipt_id, known.receipt_id, repeated=True)


def answered(taken: FileTaken | Conflicting) -> FileTaken:
    """The import, or the refusal of other content under a key used before."""
    if isinstance(taken, Conflicting):
        raise MessageConflict
    return taken
