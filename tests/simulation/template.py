"""The world as every run finds it, made once: documents put, sources known, streams open, nobody registered."""

import atexit
import os
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from services.ingest.use_cases.stream import OpenStream
from services.runtime.log.memory import MemoryLog
from tests.simulation import school
from tests.simulation.faults import Trouble
from tests.simulation.ports import Time
from tests.simulation.school import TENANT
from tests.simulation.services import NAMES, PARTITIONS, World

MEMORY = Path("/dev/shm")


@dataclass
class Template:
    """What a run copies."""

    folder: Path
    log: dict[str, Any]
    made: set[Any]
    streams: dict[str, UUID]
    time: Time


@cache
def template() -> Template:
    """Made by the first who asks; processes forked after that share it."""
    folder = scratch("template")
    atexit.register(_remove, folder, os.getpid())
    world = World(folder, MemoryLog(PARTITIONS, wait=lambda _: None), Trouble(Random(0)))
    for name in NAMES:
        world.start(name)
    mastery, ingest = world.running["mastery"], world.running["ingest"]
    school.put_documents(mastery.parts.set_policy, mastery.parts.put)
    school.add_sources(ingest.parts.sources)
    opened = {s: ingest.parts.commits.submit(OpenStream(TENANT, f"{TENANT}.{s}")) for s in school.STREAMS}
    for _ in range(3):
        for name in NAMES:
            for step in world.running[name].steps().values():
                step()
    for name in NAMES:
        world.kill(name)
    streams = {source: future.result() for source, future in opened.items()}
    return Template(folder, world.log._topics, world.keys.made, streams, world.time)


def scratch(name: str) -> Path:
    """A folder that needs no disk, where there is one."""
    return Path(tempfile.mkdtemp(prefix=f"wayproof-{name}-", dir=MEMORY if MEMORY.is_dir() else None))


def _remove(folder: Path, made_by: int) -> None:
    if os.getpid() == made_by:
        shutil.rmtree(folder, ignore_errors=True)
