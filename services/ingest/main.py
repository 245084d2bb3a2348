"""The composition root: the only file of this service that wires."""

import os
import socket
from contextlib import ExitStack, closing

from contracts.events import MASTERY_CATALOGUE
from services.ingest.api import dependencies, files, learners, observations, receipts, sources, streams, webhooks
from services.ingest.publishing import Publishing
from services.ingest.reactions import KeepCatalogue
from services.ingest.settings import IngestSettings
from services.ingest.storage import catalogue
from services.ingest.storage.schema import MIGRATIONS
from services.ingest.use_cases.group_commit import GroupCommit
from services.ingest.use_cases.import_file import Importer
from services.ingest.use_cases.register import Sources
from services.ingest.use_cases.settle import Settle
from services.ingest.use_cases.tags import TagBook
from services.runtime.access import AccessRegister, FileRegister
from services.runtime.app import Service, create_app, lock_folder, serve
from services.runtime.clock import Clock, Ids, RandomIds, SeededIds, SteppedClock, SystemClock
from services.runtime.consumer import Consumer
from services.runtime.keys import KeyStore, SqliteKeyStore
from services.runtime.log.embedded import EmbeddedLog
from services.runtime.log.port import Log
from services.runtime.relay import Relay
from services.runtime.sealing import Sealer
from services.runtime.settings import load
from services.runtime.store.port import Position
from services.runtime.store.sqlite import Database
from services.runtime.telemetry import configure

PRODUCER = "ingest"


def build(
    settings: IngestSettings,
    *,
    clock: Clock | None = None,
    ids: Ids | None = None,
    log: Log | None = None,
    keys: KeyStore | None = None,
    access: AccessRegister | None = None,
) -> Service:
    """The service with its workers; tests hand in the ports they want to hold."""
    folder = settings.data_dir
    made = ExitStack()  # what was made here is closed here, the folder's lock last
    made.enter_context(closing(lock_folder(folder / PRODUCER)))
    clock = clock or (SteppedClock(settings.clock_file) if settings.clock_file else SystemClock())
    ids = ids or (SeededIds(f"{settings.ids_seed}/{PRODUCER}") if settings.ids_seed else RandomIds())
    log = log or made.enter_context(closing(EmbeddedLog(folder / "log", settings.log_partitions)))
    keys = keys or made.enter_context(closing(SqliteKeyStore(folder / "keys", seed=settings.ids_seed)))
    access = access or FileRegister(folder / "access.json", clock)
    database = made.enter_context(closing(Database(folder / PRODUCER / "ingest.db", MIGRATIONS)))
    sealer = Sealer(keys, f"/{PRODUCER}")
    catalogues = catalogue.Catalogues(database)
    relay = Relay(database, log, PRODUCER, f"{socket.gethostname()}:{os.getpid()}")
    commits = GroupCommit(
        database,
        keys,
        clock,
        ids,
        catalogues,
        settings.log_partitions,
        on_commit=relay.wake,
        waiting_max=settings.work_waiting_max,
    )
    publishing = Publishing(sealer)
    settle, tags = Settle(publishing), TagBook(keys)
    registered = Sources(database, keys, clock, ids)
    importer = Importer(database, keys, registered, tags, commits, settle, settings.import_rows_max)
    consumer = Consumer(
        log,
        MASTERY_CATALOGUE,
        "mastery",
        lambda part: _position(database, part),
        KeepCatalogue(catalogues, sealer),
        range(settings.log_partitions),
        poll_timeout_s=settings.poll_timeout_s,
    )

    def ready() -> dict[str, str]:
        return commits.ready() | relay.ready() | consumer.ready()

    doors = (webhooks, streams, observations, files, receipts, sources, learners)
    app = create_app("ingest", [door.router for door in doors], ready=ready, access=access)
    app.state.parts = dependencies.Parts(
        settings, clock, keys, database, registered, tags, commits, settle, publishing.about, importer
    )

    return Service("ingest", app, [commits, relay, consumer, importer], ready, made.close)


def _position(database: Database, part: int) -> Position:
    with database.read() as cursor:
        return catalogue.position(cursor, MASTERY_CATALOGUE, part)


def run() -> int:
    """Run the service until it is told to stop."""
    settings = load(IngestSettings)
    configure("ingest", settings.log_level)
    return serve(build(settings), settings)
