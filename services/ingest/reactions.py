"""What ingest does about what others say: it keeps the frameworks and scales that evidence is checked against."""

from collections.abc import Callable

from contracts.catalogue_v1 import FrameworkPublishedV1, ScalePublishedV1
from contracts.envelope import Envelope, PublicEvent
from contracts.events import MASTERY_CATALOGUE
from services.ingest.storage import catalogue
from services.runtime.log.port import LogRecord
from services.runtime.sealing import Sealer, Unreadable
from services.runtime.store.database import Cursor
from services.runtime.store.port import Position
from services.runtime.telemetry import get_logger

log = get_logger(__name__)

Write = Callable[[Cursor], None]


class KeepCatalogue:
    """Handles `mastery.catalogue`: documents and position are written together."""

    def __init__(self, catalogues: catalogue.Catalogues, sealer: Sealer) -> None:
        self._catalogues, self._sealer = catalogues, sealer

    def __call__(self, partition: int, records: list[LogRecord], reached: Position) -> None:
        """Take a batch; what cannot be read is passed over and said so, as no document would ever follow it."""
        read = [said for record in records if (said := self._read(record)) is not None]

        def write(cursor: Cursor) -> None:
            for envelope, event in read:
                on_published(cursor, envelope.tenant, event)
            catalogue.keep_position(cursor, MASTERY_CATALOGUE, partition, reached)

        self._catalogues.change({envelope.tenant for envelope, _ in read}, write)

    def _read(self, record: LogRecord) -> tuple[Envelope, PublicEvent] | None:
        try:
            envelope = self._sealer.parse(record.value)
            return envelope, self._sealer.open(envelope)
        except Unreadable as unreadable:
            log.error("catalogue record unreadable", reason=unreadable.reason, offset=record.offset)
            return None


def on_published(cursor: Cursor, tenant: str, event: PublicEvent) -> None:
    """Keep a framework or a scale; nothing else is of interest here."""
    match event:
        case FrameworkPublishedV1():
            catalogue.put_framework(cursor, tenant, event)
        case ScalePublishedV1():
            catalogue.put_scale(cursor, tenant, event)
