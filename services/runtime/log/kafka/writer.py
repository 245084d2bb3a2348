"""Appending to one topic on Kafka: the call returns when every record is on all replicas in sync, or says unknown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from services.runtime.log.kafka.connection import (
    RECORD_BYTES_MAX,
    REQUEST_TIMEOUT_S,
    Connection,
    unavailable,
)
from services.runtime.log.kafka.headers import written
from services.runtime.log.kafka.topics import Topics
from services.runtime.log.port import Outgoing

IN_FLIGHT_RECORDS_MAX = 2_000  # the library takes whatever it is given into memory: this is what holds it back
IN_FLIGHT_BYTES_MAX = 8 * 1024 * 1024
BATCH_BYTES = 256 * 1024
PATIENCE_S = 5.0  # beyond the time the library itself allows for a delivery
CLOSE_S = 1.0


class KafkaWriter:
    """One idempotent producer; after any failure another takes its place.

    The library loses batches that are in flight when it renews its producer id. So nothing of a failed append stays
    behind: every record sent is waited for, and the caller appends all of it again.
    """

    def __init__(
        self, connection: Connection, topics: Topics, topic: str, producer: str, partitions: int, timeout_s: float
    ) -> None:
        self._connection, self._topics = connection, topics
        self._topic, self._producer, self._partitions, self._timeout_s = topic, producer, partitions, timeout_s
        self._client: Any = None

    def append(self, records: Sequence[Outgoing]) -> None:
        """Durable on return, in order within a partition; LogUnavailable: append the same again."""
        if not records:
            return
        try:
            with unavailable():
                client = self._opened()
                for window in windows(records):
                    self._send(client, window)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the brokers; nothing is waiting to be sent."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(KafkaError):
                client.close(timeout=CLOSE_S)

    def _opened(self) -> Any:
        if self._client is None:
            self._topics.check(self._topic, self._partitions)
            self._client = self._connection.open(
                KafkaProducer,
                acks="all",
                enable_idempotence=True,  # said outright: its default is dropped with a mere log line
                max_in_flight_requests_per_connection=5,
                compression_type=None,
                batch_size=BATCH_BYTES,
                max_request_size=RECORD_BYTES_MAX,
                max_block_ms=int(REQUEST_TIMEOUT_S * 1000),
                delivery_timeout_ms=int(self._timeout_s * 1000),
                allow_auto_create_topics=False,
                metrics_enabled=False,
            )
        return self._client

    def _send(self, client: Any, window: Sequence[Outgoing]) -> None:
        """All of it is sent and waited for, even what comes after a failure: then nothing of it can arrive later."""
        name = self._topics.name(self._topic)
        sent = [
            client.send(
                name,
                value=record.value,
                key=record.key.encode(),
                headers=written(self._producer, record.seq),
                partition=record.partition,
            )
            for record in window
        ]
        faults = [fault for future in sent if (fault := self._awaited(future)) is not None]
        if faults:
            raise faults[0]

    def _awaited(self, future: Any) -> Exception | None:
        try:
            future.get(timeout=self._timeout_s + PATIENCE_S)
        except (KafkaError, OSError) as fault:
            return fault
        return None


def windows(records: Sequence[Outgoing]) -> Iterator[list[Outgoing]]:
    """As much as may be in flight at once, in order; one record at least."""
    window: list[Outgoing] = []
    size = 0
    for record in records:
        if window and (len(window) == IN_FLIGHT_RECORDS_MAX or size + len(record.value) > IN_FLIGHT_BYTES_MAX):
            yield window
            window, size = [], 0
        window.append(record)
        size += len(record.value)
    if window:
        yield window
