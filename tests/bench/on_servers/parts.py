"""What a process does with its evidence: mastery's whole path, or the store's part of it alone."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from contracts.events import INGEST_LEARNER, MASTERY_LEARNER
from services.mastery.domain.facts import EvidenceRecorded
from services.mastery.main import Wiring
from services.mastery.settings import MasterySettings
from services.mastery.storage.partitions import MASTERY_MIGRATIONS
from services.runtime.log.port import LogRecord
from services.runtime.opening import open_store
from services.runtime.store.codec import Codec
from services.runtime.store.database import Database
from services.runtime.store.partition import StoredPartition
from services.runtime.store.port import Append, Batch, OutboxMessage, Position
from tests.bench.naive import Item
from tests.bench.on_servers.shape import NOW, Ingest, Sealed, Shape
from tests.mastery.world import PARTITIONS, TENANT, HandClock

PUBLISHED_EACH = 10  # one message in the outbox for so many events
Write = Callable[[], None]


def mastery(url: str, folder: Path, shape: Shape) -> Write:
    """Open, check, decide, chain, store, and thresholds sealed in the outbox: what the consumer hands on, written."""
    ingest, settings, database = Ingest(folder), *_opened(url, folder)
    wiring = Wiring(database, ingest.keys, HandClock(NOW), settings)
    store = wiring.stores[shape.partition]
    writer, position = wiring.writer(store), store.position(INGEST_LEARNER)
    registered = _records(ingest.registered(shape.people()), shape.partition, position)
    evidence = _records(ingest.accepted(list(shape.items())), shape.partition, _after(registered))

    def take(records: Sequence[LogRecord]) -> None:
        for first in range(0, len(records), shape.batch):
            some = records[first : first + shape.batch]
            writer.take(some, _after(some))

    take(registered)
    return lambda: take(evidence)


def store(url: str, folder: Path, shape: Shape) -> Write:
    """Fence, heads, seals, chain, events, outbox and position of events that somebody else has decided on."""
    ingest, (_, database) = Ingest(folder), _opened(url, folder)
    codec = Codec([EvidenceRecorded])
    partition = StoredPartition(database, shape.partition, codec, ingest.keys.learner_key, log_partitions=PARTITIONS)
    partition.claim("bench")
    ingest.keys.create_learner_keys(TENANT, shape.people())
    batches = _batches(shape, ingest, partition.position(INGEST_LEARNER))

    def write() -> None:
        for batch in batches:
            partition.commit(batch)

    return write


PARTS: dict[str, Callable[[str, Path, Shape], Write]] = {"mastery": mastery, "store": store}


def _opened(url: str, folder: Path) -> tuple[MasterySettings, Database]:
    settings = MasterySettings(data_dir=folder, log_partitions=PARTITIONS, store_url=url)
    return settings, open_store(settings, "mastery", MASTERY_MIGRATIONS)


def _records(sealed: Sequence[Sealed], partition: int, after: Position) -> list[LogRecord]:
    return [
        LogRecord(partition, after.next_offset + n, "ingest", after.last_seq + 1 + n, *each)
        for n, each in enumerate(sealed)
    ]


def _after(records: Sequence[LogRecord]) -> Position:
    return Position(records[-1].offset + 1, records[-1].seq)


def _batches(shape: Shape, ingest: Ingest, position: Position) -> list[Batch]:
    items, made = list(shape.items()), []
    for first in range(0, len(items), shape.batch):
        some = items[first : first + shape.batch]
        appends = [_append(item, NOW + timedelta(microseconds=first + n)) for n, item in enumerate(some)]
        told = [_message(item, ingest) for item in some[::PUBLISHED_EACH]]
        position = Position(position.next_offset + len(some), position.last_seq + len(some))
        made.append(Batch(appends, told, {INGEST_LEARNER: position}, known_to=appends[-1].recorded_at))
    return made


def _append(item: Item, at: datetime) -> Append:
    return Append(TENANT, item.learner, _fact(item, at), at)


def _fact(item: Item, at: datetime) -> EvidenceRecorded:
    """As long as a real one."""
    return EvidenceRecorded(
        id=item.evidence,
        competency=f"id-{item.competency}",
        code=item.competency,
        framework="skills",
        scale="four",
        scale_version=1,
        assessor="t1",
        assessor_role="teacher",
        assessor_organisation="north-high",
        pathway="classroom",
        organisation="north-high",
        source=f"{TENANT}.north",
        occurred_at=at,
        recorded_at=at,
        score=str(item.score),
    )


def _message(item: Item, ingest: Ingest) -> OutboxMessage:
    key, value = ingest.evidence(item, NOW)
    return OutboxMessage(MASTERY_LEARNER, key, item.evidence, value)
