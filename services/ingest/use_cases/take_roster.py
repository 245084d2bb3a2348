"""Taking a roster that comes as a package: durable with its receipt before anything of it is settled."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from services.ingest.storage import imports, rosters
from services.ingest.storage.imports import READ_BY_NO_MAPPING
from services.ingest.storage.rosters import RosterImport
from services.ingest.use_cases.group import Draft, Group
from services.ingest.use_cases.settle import Origin
from services.ingest.use_cases.take import open_receipt

DOOR = "roster"


def roster_source(tenant: str, name: str | None) -> str:
    """What a roster's rows are kept under: no registered source has such an id."""
    return f"{tenant}/roster/{name or ''}"


@dataclass(frozen=True, slots=True)
class TakeRoster:
    """Work: a roster, durable before anything of it is settled."""

    alone: ClassVar[bool] = False
    items: ClassVar[int] = 1
    origin: Origin
    told: RosterImport
    raw: bytes
    content: bytes

    def ask(self, group: Group) -> None:
        """Nothing is looked up."""

    def decide(self, draft: Draft) -> UUID:
        """The import's id, which is its receipt's too."""
        seq, receipt = open_receipt(draft, self.origin, self.content, self.raw)
        row = (receipt.bytes, self.origin.tenant, self.origin.source, seq, READ_BY_NO_MAPPING, None, None)
        draft.writes.add(imports.PUT_IMPORT, row)
        told = self.told
        said = (receipt.bytes, told.organisation, int(told.link_email), int(told.compared), told.told_by)
        draft.writes.add(rosters.PUT_ROSTER, said)
        return receipt
