"""The three services as one process holds them: built by their own composition roots, stepped, killed, built again."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

from services.credentials import main as credentials_main
from services.credentials.settings import CredentialsSettings
from services.credentials.use_cases.sweep import Sweep
from services.ingest import main as ingest_main
from services.ingest.settings import IngestSettings
from services.ingest.use_cases.group_commit import GroupCommit
from services.ingest.use_cases.import_file import Importer
from services.ingest.use_cases.mover import Mover
from services.mastery import main as mastery_main
from services.mastery.settings import MasterySettings
from services.mastery.use_cases.work import Assessing
from services.runtime import ports
from services.runtime.app import Service
from services.runtime.consumer import Consumer
from services.runtime.log.memory import MemoryLog
from services.runtime.relay import Relay
from tests.simulation.faults import Trouble, UnsyncedDatabase, opened
from tests.simulation.ports import Clock, Ids, Keys, Time

PARTITIONS = 2
NAMES = ("ingest", "mastery", "credentials")
MAINS: dict[str, ModuleType] = {"ingest": ingest_main, "mastery": mastery_main, "credentials": credentials_main}
SETTINGS: dict[str, type] = {
    "ingest": IngestSettings,
    "mastery": MasterySettings,
    "credentials": CredentialsSettings,
}
SMALL = {  # so that few things make many steps
    "ingest": {"import_rows_max": 2},
    "mastery": {"sweep_learners_max": 2, "records_cached_max": 3},
}
Step = Callable[[], object]


@dataclass
class Process:
    """One service as it runs now; whatever it holds in memory dies with it."""

    name: str
    service: Service
    database: UnsyncedDatabase

    @property
    def parts(self) -> Any:
        """What the endpoints would use."""
        state: Any = self.service.app.state
        return state.use_cases if self.name == "mastery" else state.parts

    def steps(self) -> dict[str, Step]:
        """What its threads do over and over."""
        found: dict[str, Step] = {}
        for worker in self.service.workers:
            match worker:
                case GroupCommit():
                    found["commit"] = functools.partial(worker.step, 0)
                case Assessing():
                    found["assess"] = functools.partial(worker.step, 0.0)
                case Consumer():
                    found["consume"] = worker.step
                case Sweep():
                    found["sweep"] = worker._try_step
                case Relay():
                    found["relay"] = worker._try_step
                case Importer():
                    found["import"] = functools.partial(one_commit, worker)
                case Mover():
                    found["move"] = worker._try_step
        return found

    def pending(self) -> int:
        return sum(worker.pending() for worker in self.service.workers if hasattr(worker, "pending"))

    def wrong(self) -> dict[str, str]:
        return self.service.ready()


class Turn:
    """Tells a worker that looks whether it should stop: after so many looks it should."""

    def __init__(self, looks: int) -> None:
        self._looks = looks

    def is_set(self) -> bool:
        self._looks -= 1
        return self._looks < 0

    def wait(self, _: float) -> None:
        """Time is stepped by others."""


def one_commit(importer: Importer) -> None:
    """The importer's next rows: it looks once before it takes a file, and once before each commit."""
    if importer.pending():
        importer.run(Turn(looks=2))  # type: ignore[arg-type]


@dataclass
class World:
    """What outlives a process: the folder, the log, the keys, the time; and the processes of the moment."""

    folder: Path
    log: MemoryLog
    trouble: Trouble
    keys: Keys = field(default_factory=Keys)
    time: Time = field(default_factory=Time)
    ids: Ids = field(default_factory=lambda: Ids("setup"))
    batch_size_max: int = 3
    running: dict[str, Process] = field(default_factory=dict)

    def start(self, name: str) -> Process:
        """Build a service on its folder, as a new process would."""
        made: list[UnsyncedDatabase] = []
        said = {"data_dir": self.folder, "batch_size_max": self.batch_size_max}
        settings = _settings(name).model_copy(update=said)
        killed, refused = self.trouble.killed, self.trouble.refused
        self.trouble.quiet()
        with self._wired(MAINS[name], made):
            service = MAINS[name].build(
                settings, clock=Clock(self.time, name), ids=self.ids, log=self.log, keys=self.keys, access=object()
            )
        self.trouble.killed, self.trouble.refused = killed, refused
        self.running[name] = Process(name, service, made[0])
        return self.running[name]

    def kill(self, name: str, *, keep: bool = False) -> Process:
        """The process is no more (or, kept, thinks it still is while another takes its place)."""
        dead = self.running.pop(name)
        if not keep:
            dead.database.drop()
        return dead

    @contextmanager
    def _wired(self, main: ModuleType, made: list[UnsyncedDatabase]) -> Iterator[None]:
        """What only a process of its own needs is left out: HTTP, the folder's lock, real time, waiting for a disk."""

        def database(settings: Any, name: str, migrations: Any) -> UnsyncedDatabase:
            made.append(opened(settings.data_dir / name / f"{name}.db", migrations, self.trouble))
            return made[-1]

        by_our_time: dict[str, Any] = {"elapsed_s": self.time.elapsed_s}
        with (
            patch.object(ports, "held", _unlocked),
            patch.multiple(
                main,
                create_app=lambda *_, **__: SimpleNamespace(state=NoHttp()),
                open_store=database,
                Relay=functools.partial(Relay, store_interval_s=20.0, **by_our_time),
                Consumer=functools.partial(Consumer, **by_our_time),
            ),
        ):
            yield


@functools.cache
def _settings(name: str) -> Any:
    return SETTINGS[name](log_partitions=PARTITIONS, known_to_interval_s=30.0, **SMALL.get(name, {}))


class NoHttp:
    """Stands for the parts of an application that only requests use; keeps what is put there."""

    def __getattr__(self, name: str) -> NoHttp:
        return NoHttp()

    def __call__(self, *_: object, **__: object) -> NoHttp:
        return self


def _unlocked(settings: Any, name: str) -> Any:
    (settings.data_dir / name).mkdir(parents=True, exist_ok=True)
    return nullcontext()
