"""Where the processor time of one webhook goes inside ingest: its stages on PostgreSQL, in this process, in groups."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from services.ingest.formats.standard_webhooks import signed_headers, verify
from services.ingest.storage.schema import MIGRATIONS
from services.ingest.use_cases.group import Group
from services.ingest.use_cases.group_commit import GroupCommit
from services.ingest.use_cases.read import Read
from services.ingest.use_cases.take import TakeSubmission
from services.runtime.interpreter import spare_the_collector
from services.runtime.store import postgres
from services.runtime.store.postgres_schema import migrate
from services.runtime.tenancy import Seen
from tests.bench.figure import Figure
from tests.bench.on_servers.cluster import durable_postgres
from tests.ingest.house import FORM_MAPPING, House, form

GROUP, GROUPS, WARM = 32, 60, 10
STAGES = (  # as they follow each other; the last is what is left of a commit
    "signature",
    "reading",
    "asking and deciding",
    "keys",
    "sealing",
    "writing rows",
    "transaction and answers",
)


@dataclass
class Stopwatch:
    """Seconds of this thread's processor time, by stage."""

    spent: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))

    @contextmanager
    def on(self, stage: str) -> Iterator[None]:
        began = time.thread_time()
        yield
        self.spent[stage] += time.thread_time() - began

    def watched(self, stage: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same call, timed."""

        def timed(*said: Any) -> Any:
            with self.on(stage):
                return call(*said)

        return timed


def measure(folder: Path) -> list[Figure]:
    """One figure: all of it, and in its notes the stages."""
    sees_all = patch.object(postgres, "seen", lambda: Seen(every="bench"))  # in the threads of the service too
    with durable_postgres() as cluster, sees_all:
        url = cluster.fresh()
        migrate(url, "ingest", MIGRATIONS)
        house = House(folder, settings={"store_url": url})
        house.publish_catalogue()
        house.learner("100")
        source = house.source("employer", FORM_MAPPING)
        secret = house.secret(source)
        house.start = False  # from here on commits are made by the one who measures
        house.reopen()
        spare_the_collector()
        _groups(house, source, secret, Stopwatch(), range(WARM))
        stopwatch = Stopwatch()
        _groups(house, source, secret, stopwatch, range(WARM, WARM + GROUPS))
        assert house.tally(source) == {"accepted": GROUP * (WARM + GROUPS)}
        house.close()
    return [_figure(stopwatch)]


def _groups(house: House, source: str, secret: str, stopwatch: Stopwatch, numbers: range) -> None:
    with ExitStack() as patched:
        for owner, name, stage in (
            (GroupCommit, "_group", "asking and deciding"),
            (Group, "make_keys", "keys"),
            (Group, "seal", "sealing"),
            (Group, "write", "writing rows"),
        ):
            patched.enter_context(patch.object(owner, name, stopwatch.watched(stage, getattr(owner, name))))
        for number in numbers:
            _one_group(house, source, secret, stopwatch, number)


def _one_group(house: House, source: str, secret: str, stopwatch: Stopwatch, number: int) -> None:
    registered, commits, at = house.parts.sources.get(source), house.parts.commits, house.clock.at
    read = Read(registered.sending(), house.parts.tags.of(registered.row.tenant), at)
    for each in range(GROUP):
        name = f"{number}-{each}"
        body = json.dumps(form(name, TEAM="3")).encode()
        headers = signed_headers([secret], f"msg-{name}", at, body)
        with stopwatch.on("signature"):
            message = verify(headers, body, registered.keys, at)
        with stopwatch.on("reading"):
            submission = read.webhook(message, body)
        commits.submit(TakeSubmission(submission, house.parts.settle))
    before = sum(stopwatch.spent[stage] for stage in STAGES[2:])
    began = time.thread_time()
    commits.step(0)
    inside = sum(stopwatch.spent[stage] for stage in STAGES[2:]) - before
    stopwatch.spent[STAGES[-1]] += time.thread_time() - began - inside


def _figure(stopwatch: Stopwatch) -> Figure:
    each_us = {stage: 1e6 * spent / (GROUP * GROUPS) for stage, spent in stopwatch.spent.items()}
    notes = (
        f"{', '.join(f'{stage} {spent:.0f} µs' for stage, spent in each_us.items())}; {GROUPS} groups of {GROUP}, each"
        " webhook one score. HTTP, waking threads and the relay come on top: what ingest takes in all is told with the"
        " doors.",
    )
    return Figure("Processor time of one webhook's stages inside ingest", sum(each_us.values()), "µs", notes=notes)
