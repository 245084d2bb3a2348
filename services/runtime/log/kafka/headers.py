"""A record as it lies on Kafka: the envelope byte for byte, and beside it who numbered it and how.

The value is a CloudEvent in structured mode, as the CloudEvents Kafka binding has it: `content-type` says so. The
producer and its seq are headers of our own, because these bytes never change and a redelivery keeps its number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.runtime.log.port import LogRecord

CONTENT_TYPE = ("content-type", b"application/cloudevents+json; charset=UTF-8")
PRODUCER, SEQ = "wayproof-producer", "wayproof-seq"
NOBODY = ""  # whoever writes without our headers: no consumer takes its records for a producer's it knows


def written(producer: str, seq: int) -> list[tuple[str, bytes]]:
    """The headers of a record to send."""
    return [CONTENT_TYPE, (PRODUCER, producer.encode()), (SEQ, b"%d" % seq)]


def read(
    partition: int, offset: int, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes | None]]
) -> LogRecord:
    """A record as the port gives it, whatever somebody else may have put there."""
    producer, seq = _numbered(headers)
    return LogRecord(partition, offset, producer, seq, (key or b"").decode(errors="replace"), value or b"")


def _numbered(headers: Iterable[tuple[str, bytes | None]]) -> tuple[str, int]:
    said = dict(headers)
    producer, seq = said.get(PRODUCER) or b"", said.get(SEQ) or b""
    if not (seq.isdigit() and len(seq) <= 18):
        return NOBODY, 0
    return producer.decode(errors="replace"), int(seq)
