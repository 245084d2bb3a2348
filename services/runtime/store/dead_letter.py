"""Records no consumer can read, kept byte for byte in the transaction that stepped over them."""

from dataclasses import dataclass

from eventsourcing.persistence import PersistenceError

from services.runtime.log.port import LogRecord
from services.runtime.store.database import Cursor
from services.runtime.store.port import Fenced, Row, Tampered, VersionConflict

# trouble with a server, a disk or another process: what was read may be well, so it is tried again, for ever
NOT_THE_RECORDS_FAULT = (PersistenceError, Tampered, Fenced, VersionConflict, OSError, MemoryError)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One record of a topic and why it could not be read; the reason never quotes it."""

    topic: str
    record: LogRecord
    reason: str

    def row(self) -> Row:
        """Goes into `Batch.rows`; the same record again changes nothing."""

        def insert(cursor: Cursor) -> None:
            r = self.record
            cursor.execute(
                "INSERT INTO dead_letter (topic, part, seq, log_offset, reason, body) "
                "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (self.topic, r.partition, r.seq, r.offset, self.reason, r.value),
            )

        return insert
