"""The outbox: numbered gap-free per topic and partition, in the transaction that decided the messages."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from services.runtime.log.partition import partition_of
from services.runtime.store.outbox import OUTBOX_SCHEMA, OutboxMessage, PartitionsChanged, put
from services.runtime.store.sqlite import SqliteDatabase

PARTITIONS = 4


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    database = SqliteDatabase(tmp_path / "x.db", [OUTBOX_SCHEMA])
    yield database
    database.close()


def message(key: str, value: bytes = b"", topic: str = "ingest.learner") -> OutboxMessage:
    return OutboxMessage(topic, key, uuid4(), value)


def put_all(database: SqliteDatabase, *messages: OutboxMessage) -> None:
    with database.write() as cursor:
        put(cursor, PARTITIONS, messages)


def rows(database: SqliteDatabase) -> list[tuple[str, int, int, str, bytes]]:
    with database.read() as cursor:
        return cursor.execute("SELECT topic, part, seq, key, value FROM outbox ORDER BY topic, part, seq").fetchall()


def test_messages_are_numbered_from_one_in_each_partition_in_the_order_given(database):
    keys = [f"nebraska/{n}" for n in range(12)]
    put_all(database, *(message(key, key.encode()) for key in keys[:7]))
    put_all(database, *(message(key, key.encode()) for key in keys[7:]))
    for part in range(PARTITIONS):
        here = [row for row in rows(database) if row[1] == part]
        assert [row[2] for row in here] == list(range(1, len(here) + 1))
        assert [row[3] for row in here] == [key for key in keys if partition_of(key, PARTITIONS) == part]


def test_a_message_keeps_its_id_and_its_bytes(database):
    said = OutboxMessage("ingest.learner", "k", UUID(int=3), b"\x00\xff")
    put_all(database, said)
    with database.read() as cursor:
        assert cursor.execute("SELECT event_id, value FROM outbox").fetchone() == (UUID(int=3).bytes, b"\x00\xff")


def test_topics_are_numbered_apart(database):
    put_all(database, message("k"), message("k", topic="mastery.learner"), message("k"))
    assert [(row[0], row[2]) for row in rows(database)] == [
        ("ingest.learner", 1),
        ("ingest.learner", 2),
        ("mastery.learner", 1),
    ]


def test_a_rollback_takes_the_numbers_back(database):
    put_all(database, message("k"))
    with pytest.raises(ZeroDivisionError), database.write() as cursor:
        put(cursor, PARTITIONS, [message("k"), message("k")]) or 1 / 0
    put_all(database, message("k"))
    assert [row[2] for row in rows(database)] == [1, 2]


def test_nothing_to_say_writes_nothing(database):
    put_all(database)
    assert rows(database) == []


def test_the_number_of_partitions_of_a_topic_is_for_life(database):
    put_all(database, message("k"))
    with pytest.raises(PartitionsChanged), database.write() as cursor:
        put(cursor, PARTITIONS + 1, [message("k")])
    put_all(database, message("k"))
    assert [row[2] for row in rows(database)] == [1, 2]


def test_a_topic_with_more_partitions_than_one_statement_names_is_numbered_all_the_same(database):
    keys = [f"nebraska/{n}" for n in range(1500)]
    with database.write() as cursor:
        put(cursor, 250, [message(key) for key in keys])
        put(cursor, 250, [message(key) for key in keys])
    for part in range(250):
        here = 2 * sum(partition_of(key, 250) == part for key in keys)
        assert [row[2] for row in rows(database) if row[1] == part] == list(range(1, here + 1))
