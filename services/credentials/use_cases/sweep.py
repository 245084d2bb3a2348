"""Award a newly defined achievement to everybody who meets its requirement already."""

import threading
from collections.abc import Sequence

from contracts.mastery_v1 import RequirementMetV1
from services.credentials.domain.achievement import Requirement
from services.credentials.signing.errors import NotSignable
from services.credentials.storage import around, rows
from services.credentials.storage.partitions import Partitions
from services.credentials.storage.queries import MetRow
from services.credentials.storage.rows import Owner
from services.credentials.use_cases.ahead import awards_at_hand
from services.credentials.use_cases.follow import award_all
from services.credentials.use_cases.transfer import Transfers
from services.credentials.use_cases.work import Tools, Work
from services.runtime.clock import Clock
from services.runtime.keys import KeyDestroyed, KeyUnknown
from services.runtime.sealing import Unreadable
from services.runtime.store.port import Fenced, VersionConflict
from services.runtime.telemetry import describe, get_logger

log = get_logger(__name__)

PAGE = 200
LOOK_INTERVAL_S = 1.0


class Sweep:
    """A worker: a sweep due is a row written with the definition, so that a restart goes on with it."""

    def __init__(self, tools: Tools, partitions: Partitions, clock: Clock) -> None:
        self.name = "sweep"
        self.trouble: str | None = None
        self._tools = tools
        self._partitions = partitions
        self._clock = clock
        self._news = threading.Event()
        self._transfers = Transfers(partitions)

    def wake(self) -> None:
        """An achievement was defined."""
        self._news.set()

    def ready(self) -> dict[str, str]:
        """Empty when all is well, else what is wrong by name."""
        return {self.name: self.trouble} if self.trouble else {}

    def pending(self) -> int:
        """How many achievements have yet to be swept, whichever process works their partition."""
        return sum(len(self._tools.queries.sweeps(partition)) for partition in range(len(self._partitions)))

    def run(self, stop: threading.Event) -> None:
        """Look when woken, and now and then."""
        while not stop.is_set():
            self._try_step()
            self._news.wait(LOOK_INTERVAL_S)
            self._news.clear()

    def _try_step(self) -> None:
        try:
            self.step()
        except (Fenced, VersionConflict) as fault:
            if not self._partitions.shared:
                raise  # another process writes this partition, or this one is wrong
            log.warning("another process was faster, will be looked at again", reason=describe(fault))
        except Exception as fault:
            self.trouble = describe(fault)
            log.fault("failed, will be tried again", fault)
        else:
            self.trouble = None

    def step(self) -> None:
        """Every sweep that is due, on the partitions worked here."""
        for partition in self._partitions.held:
            for tenant, achievement in self._tools.queries.sweeps(partition):
                self._sweep(partition, tenant, achievement)

    def _sweep(self, partition: int, tenant: str, achievement: str) -> None:
        found = self._tools.achievements.latest(tenant, achievement)
        assert found is not None
        requirement = found[0].requirement
        tag = self._tools.achievements.tag(tenant, requirement)
        after, more = (b"", 0), True
        while more:
            with self._partitions.writing(partition) as store, self._tools.snapshot() as snapshot:
                work = Work(self._tools, store, snapshot, self._clock.now())
                page = self._tools.queries.met(tenant, tag, partition, after, PAGE)
                more = len(page) == PAGE
                self._look_ahead(work, tenant, requirement, page)
                self._award(work, tenant, page)
                if not more:
                    work.batch.rows.append(rows.sweep_done(tenant, achievement, partition))
                work.commit()
            after = (page[-1].learner.bytes, page[-1].cycle) if page else after

    def _look_ahead(self, work: Work, tenant: str, requirement: Requirement, page: Sequence[MetRow]) -> None:
        """Ask for all of the page what each would ask."""
        learners, partition = [met.learner for met in page], work.store.partition
        self._tools.owners.look_ahead((tenant, one) for one in learners)
        held = work.snapshot.around(around.held_by, tenant, learners)
        work.look_ahead(
            award
            for met in page
            for award in awards_at_hand(
                work, Owner(tenant, met.learner, partition), requirement, met.cycle, held[met.learner]
            )
        )

    def _award(self, work: Work, tenant: str, page: Sequence[MetRow]) -> None:
        for met in page:
            try:
                with work.all_or_nothing():
                    self._award_one(work, Owner(tenant, met.learner, work.store.partition), met)
            except (KeyDestroyed, KeyUnknown, Unreadable):
                continue  # erased since
            except NotSignable as fault:
                log.error("left out of the sweep", partition=work.store.partition, reason=fault.code)

    def _award_one(self, work: Work, owner: Owner, met: MetRow) -> None:
        event = self._tools.sealer.open(self._tools.sealer.parse(met.envelope))
        assert isinstance(event, RequirementMetV1)
        award_all(work, owner, event, met.event_id, self._transfers.answered(work, owner, event))
