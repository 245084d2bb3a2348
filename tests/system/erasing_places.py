"""A system on files and one on servers: how each is backed up, and all that lies there while it runs."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contracts.events import TOPICS
from tests.servers import Broker, Postgres
from tests.servers.backends import prepared
from tests.servers.missing import postgres_folder
from tests.support.processes import Wayproof
from tests.system.erasing_school import Told
from tests.system.heap import Heap, of_files, of_server

APART = ("master.key", "ring.db*")  # as the run book says
SOON = {"WAYPROOF_KNOWN_TO_INTERVAL_S": "0.2"}
READ_WITHIN_MS = 5000


@dataclass
class Files:
    """All in one folder."""

    folder: Path
    system: Wayproof = field(init=False)
    backups: int = 0

    def __post_init__(self) -> None:
        self.system = Wayproof(self.folder / "data", SOON)

    def back_up(self) -> Heap:
        """The whole folder, with its write-ahead logs, but for what is kept apart."""
        self.backups += 1
        copy = self.folder / f"backup-{self.backups}"
        self.system.kill()
        shutil.copytree(self.system.data, copy, ignore=shutil.ignore_patterns(*APART))
        self.system.start()
        return of_files(copy, self.folder)

    def ring(self) -> Heap:
        """The wrap keys as they are."""
        with_ring = self.folder / "ring"
        shutil.rmtree(with_ring, ignore_errors=True)
        with_ring.mkdir()
        for path in (self.system.data / "keys").glob("ring.db*"):
            shutil.copy(path, with_ring)
        return of_files(with_ring, self.folder)

    def live(self) -> Heap:
        """Every database, the log and the ring among them."""
        return of_files(self.system.data, self.folder)

    def tidy(self) -> None:
        """Nothing is left to do after a rotation."""

    def raw(self) -> Iterator[Path]:
        """Every file there is, back-ups and what the services print among them."""
        backups = [self.folder / f"backup-{number + 1}" for number in range(self.backups)]
        for folder in (self.system.data, *backups):
            yield from (path for path in folder.rglob("*") if path.is_file())
        yield self.system.output

    def keys_raw(self) -> Iterator[Path]:
        """The files the running system keeps its keys in."""
        yield from (path for path in (self.system.data / "keys").iterdir() if path.is_file())


@dataclass
class Servers:
    """The master key in a folder, all else on Kafka and PostgreSQL."""

    folder: Path
    postgres: Postgres
    kafka: Broker
    told: dict[str, str]
    url: str
    system: Wayproof = field(init=False)

    def __post_init__(self) -> None:
        self.system = Told(self.folder / "data", self.told | SOON, self.url)

    def back_up(self) -> Heap:
        """What a nightly job does, restored beside; and the topics as they are."""
        path, fresh = self.folder / "backup.dump", self.postgres.fresh()
        self._run("pg_dump", "--format=custom", "--exclude-schema=ring", f"--file={path}", self.url)
        self._run("pg_restore", "--exit-on-error", f"--dbname={fresh}", str(path))
        return of_server(fresh) | self._topics()

    def ring(self) -> Heap:
        """The wrap keys as they are."""
        import psycopg

        heap = Heap()
        with psycopg.connect(self.url) as connection:
            for tenant, generation, wrapped in connection.execute(
                "SELECT tenant, generation, wrapped FROM ring.wrap_key"
            ):
                heap.add({"tenant": tenant, "generation": generation, "wrapped": wrapped})
        return heap

    def live(self) -> Heap:
        """Every schema, the ring among them, and the topics."""
        return of_server(self.url) | self._topics()

    def tidy(self) -> None:
        """As the run book says after a rotation."""
        name = self.url.rsplit("/", 1)[1]
        for table in ("ring.wrap_key", "keys.data_key"):
            self.postgres.run(f"VACUUM FULL {table}", name)
        self.postgres.run("CHECKPOINT", name)

    def raw(self) -> Iterator[Path]:
        """Everything in the folders of both servers, their logs and the services' among them."""
        for folder in (self.postgres.folder, self.kafka.folder, self.system.data):
            yield from (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        yield self.system.output

    def keys_raw(self) -> Iterator[Path]:
        """The tables' files: the database's own folder."""
        number = self.postgres.run(f"SELECT oid FROM pg_database WHERE datname = '{self.url.rsplit('/', 1)[1]}'")
        yield from (self.postgres.folder / "data" / "base" / number).iterdir()

    def _topics(self) -> Heap:
        from kafka import KafkaConsumer, TopicPartition

        heap, prefix = Heap(), self.told["WAYPROOF_LOG_TOPIC_PREFIX"]
        reader: Any = KafkaConsumer(bootstrap_servers=self.kafka.bootstrap, auto_offset_reset="earliest")
        with closing(reader):
            places = [
                TopicPartition(prefix + name, n) for name in TOPICS for n in reader.partitions_for_topic(prefix + name)
            ]
            reader.assign(places)
            ends = reader.end_offsets(places)
            while any(reader.position(place) < ends[place] for place in places):
                for records in reader.poll(timeout_ms=READ_WITHIN_MS).values():
                    for record in records:
                        heap.add({"key": record.key, "value": record.value})
        assert heap.rows, "the topics hold something"
        return heap

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run([str(postgres_folder() / program), *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@contextmanager
def on_servers(folder: Path, postgres: Postgres, kafka: Broker) -> Iterator[Servers]:
    """A database and topics of its own."""
    url = postgres.fresh()
    with prepared(kafka.bootstrap, url) as told:
        yield Servers(folder, postgres, kafka, dict(told), url)
    postgres.drop(url)
