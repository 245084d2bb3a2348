"""From a row of a file to a tagged item, by the mapping the import began with."""

from dataclasses import dataclass
from datetime import datetime

from services.ingest.domain.claims import Fault
from services.ingest.formats.rows import FileRow, Sent
from services.ingest.mappings.compiled import CompiledMapping
from services.ingest.use_cases.register import Source
from services.ingest.use_cases.settle import Item, Origin, item_of
from services.ingest.use_cases.tags import Tags
from services.ingest.use_cases.take_file import DOOR


def sent_to(mapping: CompiledMapping, raw: bytes, charset: str | None) -> Sent:
    """The file as its reader takes it."""
    return Sent.of(raw, charset)


@dataclass(frozen=True, slots=True)
class RowReading:
    """Reads rows for one source as they were received."""

    source: Source
    mapping: CompiledMapping
    tags: Tags
    received_at: datetime

    def origin(self) -> Origin:
        """Tenant and organisation come from the registration."""
        row = self.source.row
        return Origin(row.tenant, row.id, row.organisation, DOOR, self.mapping.label, self.mapping.on_change)

    def item(self, origin: Origin, row: FileRow) -> Item:
        """What the row says, once: a row that says several things has no place for them in the order of arrival."""
        if row.problem is not None:
            return item_of(row.problem, self.tags, origin, row.line)
        readings = self.mapping.read(row.document, source=self.source.facts, received_at=self.received_at)
        reading = readings[0] if len(readings) == 1 else Fault("several-claims-in-a-row", "", "a row says one thing")
        return item_of(reading, self.tags, origin, row.line)
