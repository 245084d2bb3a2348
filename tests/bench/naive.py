"""The baseline: the eventsourcing library used the straightforward way: get, trigger and save for each piece."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid5

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.domain import Aggregate, event
from psycopg.conninfo import conninfo_to_dict

NAMESPACE = UUID("6b1f0a52-3c0e-4c57-9a39-7a2ad0b0f3ce")


class NaiveRecord(Aggregate):
    """A learner's scores by competency, and which of them are met."""

    def __init__(self, learner: UUID) -> None:
        self.learner = learner
        self.scores: dict[str, list[Decimal]] = {}
        self.met: set[str] = set()

    @staticmethod
    def create_id(learner: UUID) -> UUID:
        """One aggregate a learner."""
        return uuid5(NAMESPACE, learner.hex)

    @event("EvidenceRecorded")
    def record(self, evidence: UUID, competency: str, score: Decimal) -> None:
        """Take one score and see whether its competency is met."""
        scores = self.scores.setdefault(competency, [])
        scores.append(score)
        strong = [value for value in scores if value >= 3]
        (self.met.add if len(strong) >= 2 else self.met.discard)(competency)


@dataclass(frozen=True)
class Item:
    """One piece of evidence of the benchmark's stream."""

    learner: UUID
    evidence: UUID
    competency: str
    score: Decimal


class NaiveService(Application[UUID]):
    """Get, trigger, save: the loop of every tutorial, on a persistence module as shipped."""

    def take(self, item: Item) -> None:
        """One piece of evidence, durable when this returns."""
        try:
            record = self.repository.get(NaiveRecord.create_id(item.learner))
        except AggregateNotFoundError:
            record = NaiveRecord(item.learner)
        record.record(item.evidence, item.competency, item.score)
        self.save(record)


def in_file(path: Path) -> dict[str, str]:
    """The library's SQLite module on one file."""
    return {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(path)}


def on_postgres(url: str) -> dict[str, str]:
    """The library's PostgreSQL module on one database."""
    said = conninfo_to_dict(url)
    named = {f"POSTGRES_{name.upper()}": str(said[name]) for name in ("dbname", "host", "port", "user", "password")}
    return {"PERSISTENCE_MODULE": "eventsourcing.postgres", **named}


def items_per_s(items: Sequence[Item], store: Mapping[str, str]) -> float:
    """How many pieces of evidence a second the loop makes durable, on a fresh store."""
    service = NaiveService(store)
    started = time.perf_counter()
    for item in items:
        service.take(item)
    seconds = time.perf_counter() - started
    service.close()
    return len(items) / seconds


def get_ms(items: Sequence[Item], folder: Path) -> float:
    """How long the library takes to read one aggregate of so many events: of now, not of any two dates."""
    service = NaiveService(in_file(folder / "one.db"))
    record = NaiveRecord(items[0].learner)
    for item in items:
        record.record(item.evidence, item.competency, item.score)
    service.save(record)
    started = time.perf_counter()
    service.repository.get(record.id)
    took_ms = (time.perf_counter() - started) * 1000
    service.close()
    return took_ms
