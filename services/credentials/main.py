"""The composition root: the only file of this service that wires."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from typing import Unpack

from contracts.events import MASTERY_LEARNER
from services.credentials.api import achievements, awards, credentials, public
from services.credentials.api.dependencies import Parts
from services.credentials.domain.achievement import AchievementDefined
from services.credentials.domain.events import EVENTS
from services.credentials.settings import CredentialsSettings
from services.credentials.signing.signer import Signer
from services.credentials.storage import measures
from services.credentials.storage.achievements import Achievements
from services.credentials.storage.owners import StreamKeys
from services.credentials.storage.partitions import Partitions
from services.credentials.storage.queries import Queries
from services.credentials.storage.schema import MIGRATIONS
from services.credentials.use_cases.answer import Answers
from services.credentials.use_cases.decide import DecideAwards
from services.credentials.use_cases.define_achievement import DefineAchievements
from services.credentials.use_cases.follow import FollowMastery
from services.credentials.use_cases.judge import Judge
from services.credentials.use_cases.publish_status import PublishStatus
from services.credentials.use_cases.sweep import Sweep
from services.credentials.use_cases.work import Tools
from services.runtime.app import Service, Worker, create_app, serve
from services.runtime.clock import Clock
from services.runtime.consumer import Consumer
from services.runtime.holding import Holding
from services.runtime.keys import KeyStore
from services.runtime.leases import Lease, Leases
from services.runtime.log.opening import measured
from services.runtime.log.port import Log
from services.runtime.opening import open_leases, open_store
from services.runtime.ports import Given, open_ports
from services.runtime.process import this_process
from services.runtime.relay import Relay
from services.runtime.sealing import Sealer
from services.runtime.settings import load
from services.runtime.store.codec import Codec
from services.runtime.store.database import Database
from services.runtime.store.guest import GuestPartition
from services.runtime.store.partition import StoredPartition
from services.runtime.telemetry import configure

PRODUCER = "credentials"


def build(settings: CredentialsSettings, **given: Unpack[Given]) -> Service:
    """Credentials with its workers; what is given takes the place of what the settings would make.

    It draws no ids: every one here follows from an event's.
    """
    made = ExitStack()  # what was made here is closed here, the folder's lock last
    ports = open_ports(made, settings, PRODUCER, given)
    clock = ports.clock
    database = made.enter_context(closing(open_store(settings, PRODUCER, MIGRATIONS)))
    tools = _tools(settings, ports.keys, database)
    leases = made.enter_context(open_leases(settings, PRODUCER))
    relay = Relay(database, ports.log, PRODUCER, this_process(), leases=leases.mine if leases else None)
    partitions = _partitions(settings, database, tools, relay.put)
    sweep = Sweep(tools, partitions, clock)
    follow = FollowMastery(tools, partitions, clock, settings.revocations_per_hour_max)
    consumer = _consumer(settings, ports.log, follow, partitions, leases)
    workers: list[Worker] = [consumer, sweep, relay, *filter(None, [leases])]

    def ready() -> dict[str, str]:
        return consumer.ready() | sweep.ready() | relay.ready() | (leases.ready() if leases else {})

    routers = [achievements.router, awards.router, credentials.router, public.router]
    app = create_app(PRODUCER, routers, ready=ready, access=ports.access)
    app.state.parts = _parts(settings, tools, partitions, clock, sweep)

    return Service(PRODUCER, app, workers, ready, made.close, measured(ports.log, partial(measures.of, database)))


def run() -> int:
    """Run the service until it is told to stop."""
    settings = load(CredentialsSettings)
    configure(PRODUCER, settings.log_level)
    return serve(build(settings), settings)


def _tools(settings: CredentialsSettings, keys: KeyStore, database: Database) -> Tools:
    signer = Signer(keys, settings.issuer_url, root_tenant=settings.root_tenant, names=settings.issuer_names)
    sealer = Sealer(keys, f"/{PRODUCER}")
    return Tools(signer, sealer, StreamKeys(keys, database), Queries(database), Achievements(database, keys))


def _partitions(
    settings: CredentialsSettings, database: Database, tools: Tools, on_publish: Callable[[int], None]
) -> Partitions:
    codec, count = Codec([*EVENTS, AchievementDefined]), settings.log_partitions

    def opened(kind: type[StoredPartition]) -> list[StoredPartition]:
        return [
            kind(database, number, codec, tools.owners, log_partitions=count, on_publish=on_publish)
            for number in range(count)
        ]

    if settings.store_url is not None:
        return Partitions(opened(StoredPartition), opened(GuestPartition))
    partitions = Partitions(opened(StoredPartition))
    for n in range(count):
        partitions.claim(this_process(), n)
    return partitions


def _holding(leases: Leases, partitions: Partitions) -> Holding:
    def take(lease: Lease) -> None:
        partitions.claim(this_process(), lease.partition, lease.stands)

    return Holding(leases, take, partitions.release)


def _consumer(
    settings: CredentialsSettings, log: Log, follow: FollowMastery, partitions: Partitions, leases: Leases | None
) -> Consumer:
    return Consumer(
        log,
        MASTERY_LEARNER,
        "mastery",
        lambda partition: partitions.position(MASTERY_LEARNER, partition),
        follow.handle,
        _holding(leases, partitions) if leases else range(settings.log_partitions),
        settings.batch_size_max,
        poll_timeout_s=settings.poll_timeout_s,
    )


def _parts(settings: CredentialsSettings, tools: Tools, partitions: Partitions, clock: Clock, sweep: Sweep) -> Parts:
    status = PublishStatus(tools, clock)
    return Parts(
        settings=settings,
        tools=tools,
        answers=Answers(tools, partitions),
        achievements=DefineAchievements(tools, partitions, clock, sweep.wake),
        awards=DecideAwards(tools, partitions, clock),
        status=status,
        judge=Judge(tools, status, clock),
    )
