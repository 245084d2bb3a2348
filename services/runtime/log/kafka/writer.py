"""Appending to one topic on Kafka: the call returns when every record is on all replicas in sync, or says unknown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from services.runtime.log.kafka.batches import BATCH_BYTES, await_all, hand_over
from services.runtime.log.kafka.connection import (
    RECORD_BYTES_MAX,
    REQUEST_TIMEOUT_S,
    Connection,
    unavailable,
)
from services.runtime.log.kafka.topics import Topics
from services.runtime.log.port import Outgoing

IN_FLIGHT_RECORDS_MAX = 2_000  # the library takes whatever it is given into memory: this is what holds it back
IN_FLIGHT_BYTES_MAX = 8 * 1024 * 1024
PATIENCE_S = 1.0  # beyond the time the library itself allows for a delivery
CLOSE_S = 1.0


class KafkaWriter:
    """One idempotent producer; after any failure another takes its place, and the caller appends all of it again.

    The library loses batches in flight when it renews its producer id, and after a broker's death it may wait for that
    id for ever with the rest. So a producer that failed is broken off, and nothing of it is sent later.
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
            self._break_off()
            raise

    def close(self) -> None:
        """Let go of the brokers; nothing is waiting to be sent."""
        self._break_off()

    def _break_off(self) -> None:
        """The library's own `close` first waits for what may never come, and then does not close."""
        client, self._client = self._client, None
        if client is not None:
            client._sender.force_close()
            client._sender.join(CLOSE_S)
            with suppress(KafkaError):
                client.close(timeout=0)

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
        """All of it is sent, then waited for; not longer than one delivery may take, however much it is."""
        batches = hand_over(client, self._topics.name(self._topic), self._producer, window)
        await_all(batches, self._timeout_s + PATIENCE_S)


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
