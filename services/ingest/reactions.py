"""What ingest does about what others say: it keeps the frameworks and scales that evidence is checked against."""

from contracts.catalogue_v1 import FrameworkPublishedV1, ScalePublishedV1
from contracts.envelope import Envelope, PublicEvent
from contracts.events import MASTERY_CATALOGUE
from services.ingest.storage import catalogue
from services.runtime.log.port import LogRecord
from services.runtime.sealing import Sealer, Unreadable
from services.runtime.store.database import Cursor
from services.runtime.store.dead_letter import NOT_THE_RECORDS_FAULT, DeadLetter
from services.runtime.store.port import Position
from services.runtime.telemetry import get_logger

log = get_logger(__name__)


class TakingFailed(Exception):
    """Taking in a record failed half-way: nothing of its batch was written."""

    def __init__(self, seq: int) -> None:
        super().__init__(f"record {seq}")
        self.seq = seq


class KeepCatalogue:
    """Handles `mastery.catalogue`: documents, what was set aside and the position are written together."""

    def __init__(self, catalogues: catalogue.Catalogues, sealer: Sealer) -> None:
        self._catalogues, self._sealer = catalogues, sealer

    def __call__(self, partition: int, records: list[LogRecord], reached: Position) -> None:
        """Take a batch; what cannot be read or taken in is set aside, and nothing else waits for it."""
        failed: set[int] = set()
        while True:
            try:
                self._take(partition, records, reached, failed)
                return
            except TakingFailed as fault:
                failed.add(fault.seq)

    def _take(self, partition: int, records: list[LogRecord], reached: Position, failed: set[int]) -> None:
        taken: list[tuple[LogRecord, Envelope, PublicEvent]] = []
        aside: list[DeadLetter] = []
        for record in records:
            try:
                taken.append((record, *self._read(record, failed)))
            except Unreadable as fault:
                log.error("record set aside", partition=partition, seq=record.seq, reason=fault.reason)
                aside.append(DeadLetter(MASTERY_CATALOGUE, record, fault.reason))

        def write(cursor: Cursor) -> None:
            for record, envelope, event in taken:
                _take_in(cursor, record, envelope.tenant, event)
            for letter in aside:
                letter.row()(cursor)
            catalogue.keep_position(cursor, MASTERY_CATALOGUE, partition, reached)

        self._catalogues.change({envelope.tenant for _, envelope, _ in taken}, write)

    def _read(self, record: LogRecord, failed: set[int]) -> tuple[Envelope, PublicEvent]:
        if record.seq in failed:
            raise Unreadable("taking-failed")
        envelope = self._sealer.parse(record.value)
        return envelope, self._sealer.open(envelope)


def _take_in(cursor: Cursor, record: LogRecord, tenant: str, event: PublicEvent) -> None:
    try:
        on_published(cursor, tenant, event)
    except NOT_THE_RECORDS_FAULT:
        raise
    except Exception as fault:
        log.fault("taking in failed, the record is set aside", fault, partition=record.partition, seq=record.seq)
        raise TakingFailed(record.seq) from fault


def on_published(cursor: Cursor, tenant: str, event: PublicEvent) -> None:
    """Keep a framework or a scale; nothing else is of interest here."""
    match event:
        case FrameworkPublishedV1():
            catalogue.put_framework(cursor, tenant, event)
        case ScalePublishedV1():
            catalogue.put_scale(cursor, tenant, event)
