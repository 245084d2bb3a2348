"""The embedded log as several processes use it: one writes, others read, any of them may be killed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from services.runtime.log import embedded
from services.runtime.log.embedded import EmbeddedLog
from services.runtime.log.port import LogUnavailable, OffsetOutOfRange, Outgoing, TopicRefused
from tests.conformance.logs import FROM_THE_BEGINNING, PARTITIONS, PRODUCER, TOPIC, outgoing, read_all, read_until, sent

ROOT = Path(__file__).parents[2]

WRITER = """
import sys
from pathlib import Path
from services.runtime.log.embedded import EmbeddedLog
from tests.conformance.logs import PARTITIONS, PRODUCER, TOPIC, outgoing
writer = EmbeddedLog(Path(sys.argv[1]), PARTITIONS).writer(TOPIC, PRODUCER)
for number in range(int(sys.argv[2])):
    writer.append(outgoing(number % PARTITIONS, 1 + 5 * (number // PARTITIONS), 5))
    print(number, flush=True)
"""


def start_writer(folder: Path, batches: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(folder), str(batches)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def log(tmp_path):
    log = EmbeddedLog(tmp_path, PARTITIONS)
    yield log
    log.close()


def read_patiently(log: EmbeddedLog, count: int) -> list:
    reader = log.reader(TOPIC, FROM_THE_BEGINNING)
    found = []
    deadline = time.monotonic() + 30
    while len(found) < count and time.monotonic() < deadline:
        found += reader.poll(0.1, 1000)
    reader.close()
    return found


def test_a_reader_in_this_process_gets_all_that_another_process_writes(log):
    with start_writer(log.folder, 200) as writer:
        found = read_patiently(log, 1000)
        assert writer.wait() == 0
    for partition in range(PARTITIONS):
        assert sent([r for r in found if r.partition == partition]) == sent(outgoing(partition, 1, 250))


def test_a_writer_killed_at_any_moment_loses_nothing_it_was_told_is_stored(log):
    for attempt in range(4):
        folder = log.folder / str(attempt)
        with start_writer(folder, 100_000) as writer:
            assert writer.stdout is not None
            for _ in range(20 * (attempt + 1)):
                acknowledged = int(writer.stdout.readline())
            os.kill(writer.pid, signal.SIGKILL)
            acknowledged = max([acknowledged, *map(int, writer.stdout.read().split())])
        after = EmbeddedLog(folder, PARTITIONS)
        found = read_all(after, FROM_THE_BEGINNING, 5 * (acknowledged + 2))
        stored = {(record.partition, record.seq) for record in found}
        assert {(n % PARTITIONS, 5 * (n // PARTITIONS) + 5) for n in range(acknowledged + 1)} <= stored
        assert len(stored) % 5 == 0  # a batch is there whole or not at all
        after.close()


def test_a_second_writing_process_is_refused(log):
    log.writer(TOPIC, PRODUCER)
    with start_writer(log.folder, 1) as second:
        _, said = second.communicate(timeout=20)
    assert second.returncode != 0
    assert f"{TOPIC}.db is being written by another process" in said


def test_a_second_log_in_the_same_process_is_refused_as_well_until_the_first_lets_go(log):
    log.writer(TOPIC, PRODUCER).append(outgoing(0, 1, 1))
    other = EmbeddedLog(log.folder, PARTITIONS)
    with pytest.raises(TopicRefused):
        other.writer(TOPIC, PRODUCER)
    log.close()
    other.writer(TOPIC, PRODUCER).append(outgoing(0, 2, 1))
    assert len(read_all(other, {0: 0}, 2)) == 2
    other.close()


def test_another_number_of_partitions_is_refused_by_writer_and_reader(log):
    log.writer(TOPIC, PRODUCER)
    log.close()
    other = EmbeddedLog(log.folder, PARTITIONS + 1)
    for use in (lambda: other.writer(TOPIC, PRODUCER), lambda: other.reader(TOPIC, {0: 0}), lambda: other.ends(TOPIC)):
        with pytest.raises(TopicRefused, match="has 4 partitions, the settings say 5"):
            use()
    log.writer(TOPIC, PRODUCER)  # the refused one has let go of the lock


def test_a_file_of_another_format_is_refused(log):
    log.writer(TOPIC, PRODUCER)
    log.close()
    with sqlite3.connect(log.path(TOPIC)) as connection:
        connection.execute("UPDATE topic SET format = 99")
    connection.close()
    with pytest.raises(TopicRefused, match="format 99"):
        log.reader(TOPIC, {0: 0})


def test_a_reader_waits_for_a_topic_that_does_not_exist_and_makes_no_file(log):
    reader = log.reader(TOPIC, FROM_THE_BEGINNING)
    assert reader.poll(0.02, 10) == []
    assert list(log.folder.iterdir()) == []
    log.writer(TOPIC, PRODUCER).append(outgoing(0, 1, 3))
    assert len(read_until(reader, 3)) == 3
    reader.close()


def test_a_reader_cannot_write(log):
    log.writer(TOPIC, PRODUCER).append(outgoing(0, 1, 1))
    reader = log.reader(TOPIC, {0: 0})
    assert reader._connection is not None
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader._connection.execute("DELETE FROM record")
    reader.close()


def test_a_reader_notices_that_the_topic_was_made_anew(log, monkeypatch):
    monkeypatch.setattr(embedded, "FILE_CHECK_INTERVAL_S", 0.0)
    log.writer(TOPIC, PRODUCER).append(outgoing(0, 1, 10))
    reader = log.reader(TOPIC, {0: 0})
    assert len(read_until(reader, 10)) == 10
    log.close()
    for path in log.folder.glob(f"{TOPIC}.db*"):
        path.unlink()
    assert reader.poll(0, 10) == []
    log.writer(TOPIC, PRODUCER).append(outgoing(0, 1, 2))
    with pytest.raises(OffsetOutOfRange):
        reader.poll(0, 10)
    reader.seek(0, 0)
    assert len(reader.poll(0, 10)) == 2
    reader.close()


def test_what_a_killed_or_deleted_predecessor_left_behind_is_not_read_into_a_new_topic(log):
    for name in (f"{TOPIC}.new", f"{TOPIC}.new-wal", f"{TOPIC}.db-wal", f"{TOPIC}.db-shm"):
        (log.folder / name).write_bytes(b"left over")
    log.writer(TOPIC, PRODUCER).append(outgoing(0, 1, 3))
    assert len(read_all(log, {0: 0}, 3)) == 3


def test_a_failed_append_stores_nothing_and_may_be_repeated(log):
    writer = log.writer(TOPIC, PRODUCER)
    writer.append(outgoing(0, 1, 3))
    connection = log._files[TOPIC]._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(LogUnavailable):
        writer.append(outgoing(0, 4, 100, size=1000))
    connection.execute("PRAGMA max_page_count = 1000000")
    assert log.ends(TOPIC)[0] == 4
    writer.append(outgoing(0, 4, 100, size=1000))
    assert [record.seq for record in read_all(log, {0: 0}, 103)] == list(range(1, 104))


def test_an_append_with_a_record_that_cannot_be_stored_stores_none_of_the_others(log):
    writer = log.writer(TOPIC, PRODUCER)
    with pytest.raises(sqlite3.IntegrityError):
        writer.append([*outgoing(0, 1, 3), Outgoing(0, 4, None, b"no key")])  # type: ignore[arg-type]
    assert log.ends(TOPIC)[0] == 0
    writer.append(outgoing(0, 1, 3))
    assert sent(read_all(log, {0: 0}, 4)) == sent(outgoing(0, 1, 3))


def test_commits_are_synchronous(log):
    log.writer(TOPIC, PRODUCER)
    connection = log._files[TOPIC]._connection
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_waiting_reader_gets_news_soon(log):
    writer = log.writer(TOPIC, PRODUCER)
    reader = log.reader(TOPIC, FROM_THE_BEGINNING)
    appended_at: list[float] = []

    def append_later() -> None:
        time.sleep(0.1)
        writer.append(outgoing(0, 1, 1))
        appended_at.append(time.monotonic())

    thread = threading.Thread(target=append_later)
    thread.start()
    assert len(reader.poll(10, 10)) == 1
    found_at = time.monotonic()
    thread.join()
    assert found_at - appended_at[0] < 0.5
    reader.close()


def test_one_poll_is_bounded_by_bytes_and_the_next_goes_on(log, monkeypatch):
    monkeypatch.setattr(embedded, "POLL_BYTES_MAX", 5_000)
    writer = log.writer(TOPIC, PRODUCER)
    for partition in range(PARTITIONS):
        writer.append(outgoing(partition, 1, 20, size=1000))
    reader = log.reader(TOPIC, FROM_THE_BEGINNING)
    batches = [reader.poll(0, 1000) for _ in range(16)]
    assert {len(batch) for batch in batches} == {5}
    for partition in range(PARTITIONS):
        assert [r.seq for batch in batches for r in batch if r.partition == partition] == list(range(1, 21))
    reader.close()
