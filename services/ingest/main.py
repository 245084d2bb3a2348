"""The composition root: the only file of this service that wires."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import timedelta
from functools import partial
from typing import Unpack

from contracts.events import MASTERY_CATALOGUE
from services.ingest.api import (
    caliper,
    dependencies,
    erasing,
    events,
    files,
    imports,
    learners,
    mappings,
    merging,
    observations,
    receipts,
    redriving,
    rosters,
    sources,
    streams,
    webhooks,
    xapi,
)
from services.ingest.domain.removals import Removals
from services.ingest.publishing import Publishing
from services.ingest.reactions import KeepCatalogue
from services.ingest.settings import IngestSettings
from services.ingest.storage import catalogue, measures, uploads
from services.ingest.storage.schema import MIGRATIONS
from services.ingest.use_cases.backlog import Backlog
from services.ingest.use_cases.eraser import Eraser
from services.ingest.use_cases.group_commit import GroupCommit
from services.ingest.use_cases.import_file import Importer
from services.ingest.use_cases.move import Tools
from services.ingest.use_cases.mover import Mover
from services.ingest.use_cases.package_import import PackageImporter
from services.ingest.use_cases.redrive import Redrive
from services.ingest.use_cases.register import Sources
from services.ingest.use_cases.reread import Rereading
from services.ingest.use_cases.roster_package import RosterImporter
from services.ingest.use_cases.settle import Settle
from services.ingest.use_cases.tags import TagBook
from services.runtime.app import Service, Worker, create_app, serve
from services.runtime.consumer import Consumer
from services.runtime.holding import Holding
from services.runtime.leases import Leases
from services.runtime.log.opening import measured
from services.runtime.log.port import Log
from services.runtime.opening import open_leases, open_store
from services.runtime.ports import Given, Ports, open_ports
from services.runtime.process import this_process
from services.runtime.relay import Relay
from services.runtime.sealing import Sealer
from services.runtime.settings import load
from services.runtime.store.database import Database
from services.runtime.store.port import Position
from services.runtime.telemetry import configure
from services.runtime.tenancy import every_tenant

PRODUCER = "ingest"
DOORS = (  # in the order in which a request is looked for: what is called most comes first
    *(webhooks, xapi, streams, observations, files, imports, events, caliper),
    *(receipts, redriving, sources, mappings, rosters, learners, merging, erasing),
)
ORPHAN_AGE = timedelta(hours=2)  # twice the longest a file may take: another process may be receiving it


def build(settings: IngestSettings, **given: Unpack[Given]) -> Service:
    """Ingest with its workers; what is given takes the place of what the settings would make."""
    made = ExitStack()  # what was made here is closed here, the folder's lock last
    ports = open_ports(made, settings, PRODUCER, given)
    database = made.enter_context(closing(open_store(settings, PRODUCER, MIGRATIONS)))
    with every_tenant("start"), database.write() as cursor:
        uploads.drop_orphans(cursor, ports.clock.now() - ORPHAN_AGE)
    leases = made.enter_context(open_leases(settings, PRODUCER))
    return _service(settings, ports, database, leases, made.close)


def _service(
    settings: IngestSettings, ports: Ports, database: Database, leases: Leases | None, close: Callable[[], None]
) -> Service:
    sealer, tags = Sealer(ports.keys, f"/{PRODUCER}"), TagBook(ports.keys)
    publishing, catalogues = Publishing(sealer), catalogue.Catalogues(database)
    settle = Settle(publishing)
    sends = Holding(leases).follow if leases else None  # the relay is all that ingest's leases are for
    relay = Relay(database, ports.log, PRODUCER, this_process(), leases=sends)
    backlog = Backlog(database, settings.backlog_bytes_max)
    commits = _group_commit(settings, ports, database, catalogues, relay.put, backlog.check)
    registered = Sources(database, ports.keys, ports.clock, ports.ids)
    rows_max = settings.import_rows_max
    allowed = Removals(settings.removals_max, settings.removals_max_percent)
    packages = PackageImporter(database, ports.keys, commits.do, settle, rows_max, allowed)
    importer = Importer(database, ports.keys, registered, tags, commits, settle, packages, rows_max)
    people = RosterImporter(database, ports.keys, tags, commits, settle, publishing.about, rows_max, allowed)
    moving = Tools(tags, sealer, publishing.about)
    redrive = Redrive(database, Rereading(database, ports.keys, registered, tags), commits, settle)
    eraser = Eraser(database, commits, ports.keys)
    consumer = _consumer(settings, ports.log, database, KeepCatalogue(catalogues, sealer))
    shared = dependencies.Parts(
        settings, ports.clock, ports.keys, database, registered, tags, commits, settle, publishing.about,
        importer, redrive, moving, people, eraser,
    )  # fmt: skip

    def ready() -> dict[str, str]:
        own = commits.ready() | relay.ready() | consumer.ready() | backlog.ready()
        return own | (leases.ready() if leases else {})

    app = create_app(PRODUCER, [door.router for door in DOORS], ready=ready, access=ports.access)
    app.state.parts = shared
    mover = Mover(database, commits, moving)
    workers: list[Worker] = [commits, relay, consumer, importer, people, mover, eraser, backlog]
    workers += [leases] if leases else []
    return Service(PRODUCER, app, workers, ready, close, measured(ports.log, partial(measures.of, database)))


def _group_commit(
    settings: IngestSettings,
    ports: Ports,
    database: Database,
    catalogues: catalogue.Catalogues,
    on_commit: Callable[[int], None],
    may_take: Callable[[], None],
) -> GroupCommit:
    return GroupCommit(
        database,
        ports.keys,
        ports.clock,
        ports.ids,
        catalogues,
        settings.log_partitions,
        on_commit=on_commit,
        waiting_max=settings.work_waiting_max,
        may_take=may_take,
    )


def _consumer(settings: IngestSettings, log: Log, database: Database, handle: KeepCatalogue) -> Consumer:
    return Consumer(
        log,
        MASTERY_CATALOGUE,
        "mastery",
        lambda part: _position(database, part),
        handle,
        range(settings.log_partitions),
        settings.batch_size_max,
        poll_timeout_s=settings.poll_timeout_s,
    )


def _position(database: Database, part: int) -> Position:
    with database.read() as cursor:
        return catalogue.position(cursor, MASTERY_CATALOGUE, part)


def run() -> int:
    """Run the service until it is told to stop."""
    settings = load(IngestSettings)
    configure("ingest", settings.log_level)
    return serve(build(settings), settings)
