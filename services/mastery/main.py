"""The composition root of mastery: the only file that wires it. Its ids all follow from events, so it draws none."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from typing import Unpack

from contracts.events import INGEST_LEARNER
from services.mastery.api import documents as documents_api
from services.mastery.api import learners as learners_api
from services.mastery.api import policies as policies_api
from services.mastery.api.services import UseCases
from services.mastery.publishing import Publishing
from services.mastery.reactions import react
from services.mastery.settings import MasterySettings
from services.mastery.storage.controls import Controls
from services.mastery.storage.documents import Documents
from services.mastery.storage.learners import Learners
from services.mastery.storage.partitions import MASTERY_MIGRATIONS, open_partitions
from services.mastery.storage.received import Opening
from services.mastery.storage.records import Looks, RecordCache
from services.mastery.use_cases.answer import Asking
from services.mastery.use_cases.assess import PartitionWriter
from services.mastery.use_cases.history import AnswerHistory
from services.mastery.use_cases.next_steps import AnswerNextSteps
from services.mastery.use_cases.put_document import PutDocument
from services.mastery.use_cases.recording import Recording
from services.mastery.use_cases.set_policy import SetPolicy
from services.mastery.use_cases.standings import AnswerStandings, Standing
from services.mastery.use_cases.why import AnswerWhy
from services.mastery.use_cases.work import Assessing
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
from services.runtime.store import measures
from services.runtime.store.database import Database
from services.runtime.store.port import PartitionStore
from services.runtime.telemetry import configure

SOURCE, PRODUCER, READS_FROM = "/mastery", "mastery", "ingest"
ROUTERS = (documents_api.router, policies_api.router, learners_api.router)


def build(settings: MasterySettings, **given: Unpack[Given]) -> Service:
    """Mastery with its workers; what is given takes the place of what the settings would make."""
    made = ExitStack()  # what was made here is closed here, the folder's lock last
    ports = open_ports(made, settings, PRODUCER, given)
    database = made.enter_context(closing(open_store(settings, PRODUCER, MASTERY_MIGRATIONS)))
    leases = made.enter_context(open_leases(settings, PRODUCER))
    relay = Relay(database, ports.log, PRODUCER, this_process(), leases=leases.mine if leases else None)
    wiring = Wiring(database, ports.keys, ports.clock, settings, relay.put)
    assessing = wiring.assessing(ports.log, leases)
    workers: list[Worker] = [assessing, relay, *filter(None, [leases])]

    def ready() -> dict[str, str]:
        return assessing.ready() | relay.ready() | (leases.ready() if leases else {})

    app = create_app("mastery", ROUTERS, ready=ready, access=ports.access)
    app.state.use_cases = wiring.use_cases()
    own = measured(ports.log, lambda: [*measures.of(wiring.database), *wiring.looks.measures()])
    return Service("mastery", app, workers, ready, made.close, own)


class Wiring:
    """What the writers and the endpoints share."""

    def __init__(
        self,
        database: Database,
        keys: KeyStore,
        clock: Clock,
        settings: MasterySettings,
        on_publish: Callable[[int], None] = lambda put: None,
    ) -> None:
        self.database, self.clock, self.settings = database, clock, settings
        self.looks = Looks()
        self.sealer = Sealer(keys, SOURCE)
        self.opening = Opening(keys, self.sealer)
        self.documents = Documents(database)
        self.controls = Controls(database)
        self.learners = Learners(database, self.opening, react)
        self.stores: Sequence[PartitionStore] = open_partitions(database, keys, settings.log_partitions, on_publish)

    def assessing(self, log: Log, leases: Leases | None = None) -> Assessing:
        """The writing thread: of every partition, or of those its leases name."""
        writers: dict[int, PartitionWriter] = {}
        if leases is None:
            writers |= {store.partition: self.writer(store) for store in self.stores}
        consumer = Consumer(
            log,
            INGEST_LEARNER,
            READS_FROM,
            positions=lambda partition: self.stores[partition].position(INGEST_LEARNER),
            handle=lambda partition, records, position: writers[partition].take(records, position),
            partitions=list(writers) if leases is None else self.holding(leases, writers),
            batch_size_max=self.settings.batch_size_max,
            idle=lambda partition: writers[partition].rest(),
            known_to_interval_s=self.settings.known_to_interval_s,
        )
        return Assessing(consumer, writers, self.controls.last_seq, self.settings.poll_timeout_s)

    def holding(self, leases: Leases, writers: dict[int, PartitionWriter]) -> Holding:
        """A writer is made with each claim, and what it keeps in memory goes with it."""

        def take(lease: Lease) -> None:
            writers[lease.partition] = self.writer(self.stores[lease.partition], lease)

        def drop(partition: int) -> None:
            del writers[partition]
            self.stores[partition].release()

        return Holding(leases, take, drop)

    def writer(self, store: PartitionStore, lease: Lease | None = None) -> PartitionWriter:
        """The one writer of a partition: whoever wrote before is fenced."""
        store.claim(this_process(), lease.stands if lease else None)
        recording = Recording(
            store,
            self.learners,
            self.documents,
            Publishing(self.documents).to_public,
            self.sealer,
            RecordCache(self.settings.records_cached_max, self.settings.evidence_cached_max, self.looks),
        )
        return PartitionWriter(
            store,
            recording,
            learners=self.learners,
            controls=self.controls,
            opening=self.opening,
            react=react,
            clock=self.clock,
            sweep_learners_max=self.settings.sweep_learners_max,
        )

    def use_cases(self) -> UseCases:
        """What the endpoints call."""
        put = PutDocument(self.database, self.documents, self.sealer, self.clock, self.settings.log_partitions)
        asking = Asking(self.database, self.stores, self.learners, self.documents, self.clock)
        standing = Standing(self.documents)
        return UseCases(
            put=put,
            set_policy=SetPolicy(self.database, self.documents, put, self.clock),
            documents=self.documents,
            standings=AnswerStandings(asking, standing),
            why=AnswerWhy(asking),
            history=AnswerHistory(asking),
            next_steps=AnswerNextSteps(asking, standing),
        )


def run() -> int:
    """Serve until told to stop."""
    settings = load(MasterySettings)
    configure("mastery", settings.log_level)
    return serve(build(settings), settings)
