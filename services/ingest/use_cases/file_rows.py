"""From a row of a file to a tagged item, by the mapping the import began with."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import BinaryIO

from services.ingest.domain.claims import Claim, Fault, Reading, Withdrawal
from services.ingest.formats.rows import FileRow, Sent, TableShape
from services.ingest.mappings.compiled import CompiledMapping
from services.ingest.use_cases.register import Source
from services.ingest.use_cases.settle import Item, Origin, item_of
from services.ingest.use_cases.tags import Tags
from services.ingest.use_cases.take_file import DOOR


def sent_to(mapping: CompiledMapping, opens: Callable[[], BinaryIO], charset: str | None) -> Sent:
    """The file as its reader takes it."""
    shape = TableShape(wanted=mapping.columns)
    if (said := mapping.document.csv) is not None:
        columns = None if said.columns is None else tuple(said.columns)
        shape = TableShape(said.delimiter, said.encoding, columns, said.skip_lines, mapping.columns)
    return Sent(opens, charset, shape)


@dataclass(frozen=True, slots=True)
class RowReading:
    """Reads rows for one source as they were received."""

    source: Source
    mapping: CompiledMapping
    tags: Tags
    received_at: datetime

    def origin(self) -> Origin:
        """Tenant and organisation come from the registration."""
        row, mapping = self.source.row, self.mapping
        return Origin(row.tenant, row.id, row.organisation, DOOR, mapping.label, mapping.on_change, row.assesses)

    def item(self, origin: Origin, row: FileRow) -> Item:
        """What the row says, once: a row that says several things has no place for them in the order of arrival."""
        if row.problem is not None:
            return item_of(row.problem, self.tags, origin, row.line)
        readings = self.mapping.read(row.document, source=self.source.facts, received_at=self.received_at)
        reading = readings[0]
        if len(readings) > 1:
            reading = Fault("several-claims-in-a-row", "", "a row says one thing", reading.learner)
        return item_of(numbered(reading, row.ordinal), self.tags, origin, row.line)


def numbered(reading: Reading, ordinal: int) -> Reading:
    """The second of two rows that are alike is another record: its key says so."""
    if ordinal == 1 or not isinstance(reading, Claim | Withdrawal) or reading.record_key is None:
        return reading
    return replace(reading, record_key=f"{reading.record_key}\x1f{ordinal}")
