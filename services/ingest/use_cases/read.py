"""From what a door received to tagged items, by the source's mapping: outside the writer's thread."""

from dataclasses import dataclass
from datetime import datetime

from services.ingest.domain.claims import Fault
from services.ingest.formats.ndjson import Line as RawLine
from services.ingest.formats.ndjson import read_lines
from services.ingest.use_cases.register import Source
from services.ingest.use_cases.settle import Item, Origin, item_of
from services.ingest.use_cases.stream import Line
from services.ingest.use_cases.tags import Tags
from services.ingest.use_cases.take import Submission
from services.runtime.strict_json import MalformedJson, parse_json

KEYS_MAX = 10_000


def origin_of(source: Source, door: str) -> Origin:
    """Tenant and organisation come from the registration."""
    row, mapping = source.row, source.reader()
    return Origin(row.tenant, row.id, row.organisation, door, mapping.label, mapping.on_change, row.assesses)


@dataclass(frozen=True, slots=True)
class Read:
    """Reads for one source at one instant."""

    source: Source
    tags: Tags
    received_at: datetime

    def webhook(self, message_id: str, body: bytes) -> Submission:
        """A verified webhook; a body that is not JSON is one quarantined item, as it was signed by the source."""
        origin = origin_of(self.source, "webhook")
        message = self.tags.message(origin.source, origin.door, message_id)
        return Submission(origin, body, self.tags.content(body), message, self.document(origin, body))

    def lines(self, body: bytes, first: int) -> tuple[Origin, list[Line]]:
        """The lines of a stream, each on its own."""
        origin = origin_of(self.source, "stream")
        return origin, [self._line(origin, line) for line in read_lines(body, first)]

    def _line(self, origin: Origin, line: RawLine) -> Line:
        content = self.tags.content(line.raw)
        if line.problem is not None:
            return Line(line.number, content, [Item(line.problem, line.number)])
        return Line(line.number, content, self.items(origin, line.document, line.number))

    def document(self, origin: Origin, body: bytes) -> list[Item]:
        """One document alone; its items are numbered from 0."""
        try:
            document = parse_json(body, keys_max=KEYS_MAX)
        except MalformedJson as malformed:
            return [Item(Fault("malformed-json", malformed.pointer or "", malformed.detail))]
        return self.items(origin, document, None)

    def items(self, origin: Origin, document: object, line: int | None) -> list[Item]:
        """What the mapping reads from a document."""
        readings = self.source.reader().read(document, source=self.source.facts, received_at=self.received_at)
        return [item_of(reading, self.tags, origin, line) for reading in readings]
