"""Outbox, relay, log and consumer together: whatever fails, what was put is handled once and in order."""

from __future__ import annotations

from collections import defaultdict
from random import Random
from uuid import UUID

import pytest

from services.runtime.consumer import Consumer
from services.runtime.log.memory import MemoryLog
from services.runtime.log.port import LogRecord, LogUnavailable
from services.runtime.relay import Relay
from services.runtime.store.outbox import OUTBOX_SCHEMA, OutboxMessage, put
from services.runtime.store.port import Position
from services.runtime.store.sqlite import SqliteDatabase
from tests.conformance.logs import EVERY_FAULT, PRODUCER, TOPIC

PARTITIONS = 3
LEARNERS = 12
CONSUMED_SCHEMA = """
CREATE TABLE position (part INTEGER PRIMARY KEY, next_offset INTEGER NOT NULL, last_seq INTEGER NOT NULL);
CREATE TABLE handled (number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, value BLOB NOT NULL);
"""


class Crash(Exception):
    """The process is gone at this very moment."""


class World:
    """Two services and the log between them; any step may crash, and what crashed starts again from its store."""

    def __init__(self, folder, seed: int) -> None:
        self.random = Random(seed)
        self.log = MemoryLog(PARTITIONS, seed=seed, faults=EVERY_FAULT, wait=lambda _: None)
        self.producing = SqliteDatabase(folder / "producing.db", [OUTBOX_SCHEMA])
        self.consuming = SqliteDatabase(folder / "consuming.db", [CONSUMED_SCHEMA])
        self.sent: dict[str, list[bytes]] = defaultdict(list)
        self.relay, self.consumer = self.new_relay(), self.new_consumer()

    def new_relay(self) -> Relay:
        return Relay(self.producing, self.log, PRODUCER, "relay", batch_size_max=9)

    def new_consumer(self) -> Consumer:
        partitions = range(PARTITIONS)
        return Consumer(self.log, TOPIC, PRODUCER, self.position, self.handle, partitions, batch_size_max=9)

    def position(self, partition: int) -> Position:
        with self.consuming.read() as cursor:
            row = cursor.execute("SELECT next_offset, last_seq FROM position WHERE part = ?", (partition,)).fetchone()
        return Position(*row) if row else Position()

    def handle(self, partition: int, records: list[LogRecord], position: Position) -> None:
        self.maybe_crash()
        with self.consuming.write() as cursor:
            place = (partition, position.next_offset, position.last_seq)
            cursor.execute("INSERT OR REPLACE INTO position VALUES (?, ?, ?)", place)
            rows = [(record.key, record.value) for record in records]
            cursor.executemany("INSERT INTO handled (key, value) VALUES (?, ?)", rows)
            self.maybe_crash()
        self.maybe_crash()

    def maybe_crash(self) -> None:
        if self.random.random() < 0.05:
            raise Crash

    def put_some(self) -> None:
        messages = []
        for _ in range(self.random.randint(1, 8)):
            key = f"north/{self.random.randrange(LEARNERS)}"
            value = f"{key} {len(self.sent[key])}".encode()
            self.sent[key].append(value)
            messages.append(OutboxMessage(TOPIC, key, UUID(int=self.random.getrandbits(128)), value))
        with self.producing.write() as cursor:
            put(cursor, PARTITIONS, messages)

    def relay_some(self) -> int:
        try:
            return self.relay.step()
        except LogUnavailable:
            return 1

    def live(self) -> None:
        act = self.random.choice([self.put_some, self.relay_some, self.consumer.step])
        act()
        if self.random.random() < 0.05:
            self.relay = self.new_relay()
        if self.random.random() < 0.05:
            self.consumer = self.new_consumer()

    def come_to_rest(self) -> None:
        quiet = 0
        while quiet < 60:
            busy = self.relay_some() + self.consumer.step()
            quiet = 0 if busy or self.consumer.trouble else quiet + 1

    def handled(self) -> dict[str, list[bytes]]:
        by_key: dict[str, list[bytes]] = defaultdict(list)
        with self.consuming.read() as cursor:
            for key, value in cursor.execute("SELECT key, value FROM handled ORDER BY number"):
                by_key[key].append(value)
        return by_key


@pytest.mark.parametrize("seed", range(12))
def test_every_learners_records_are_handled_once_and_in_the_order_they_were_put(tmp_path, seed):
    world = World(tmp_path, seed)
    for _ in range(250):
        world.live()
    world.come_to_rest()
    assert world.consumer.incident is None
    assert sum(map(len, world.sent.values())) > 100
    assert world.handled() == world.sent
