"""Statements a second of the server's processor time: our xAPI door, durable, against Ralph; single and in batches."""

import base64
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tests.bench import peer
from tests.bench.figure import Figure, median, spread, times
from tests.bench.memory import processor_s
from tests.bench.sending import Generator, request
from tests.bench.site import folder_of, rest
from tests.bench.statements import LEARNERS, MAPPING, SCORED_EACH, statements, student
from tests.support.documents import PERCENT, policy
from tests.support.office import Office, identifier_of
from tests.support.processes import running
from tests.support.traffic import SKILLS

ROUNDS = 5
VERSION = {"x-experience-api-version": "1.0.3", "content-type": "application/json"}


@dataclass(frozen=True)
class Shape:
    """How statements are sent: so many requests of so many, over so many connections; fewer to a store that slows."""

    batch: int
    requests: int
    connections: int
    requests_to_files: int


SHAPES = {
    "single": Shape(batch=1, requests=1600, connections=16, requests_to_files=160),
    "batches of 50": Shape(batch=50, requests=160, connections=4, requests_to_files=16),
}
TARGETS = {"single": 2.0, "batches of 50": 3.0}


def measure(folder: Path) -> list[Figure]:
    """Rounds of ours and of Ralph on either store take turns; ours is charged until all it took has been passed on."""
    rates: dict[tuple[str, str], list[float]] = {}
    with running(folder / "data") as system, ExitStack() as stack:
        ours = _Ours(Office(system))
        memory = stack.enter_context(peer.serving(folder_of(folder, "ralph"), "memory"))
        for number in range(ROUNDS):
            for name, shape in SHAPES.items():
                seed, files = f"{number}-{name}", folder_of(folder, f"files-{number}-{shape.batch}")
                with peer.serving(files, "files") as store:  # each time anew: it reads all it has for every request
                    rates.setdefault((name, "files"), []).append(
                        _rate(store, shape, shape.requests_to_files, f"f{seed}", folder)
                    )
                rates.setdefault((name, "memory"), []).append(_rate(memory, shape, shape.requests, f"m{seed}", folder))
                rates.setdefault((name, "ours"), []).append(ours.rate(shape, f"o{seed}", folder))
    return [_figure(name, rates) for name in SHAPES]


class _Ours:
    """Our services with everybody enrolled and a source that has a mapping."""

    def __init__(self, office: Office) -> None:
        self._office = office
        office.publish_framework("skills", {skill: identifier_of(skill) for skill in SKILLS})
        office.publish_scale(PERCENT)
        office.activate(policy("ups-and-downs"))
        office.enrol("student", [student(number) for number in range(LEARNERS)])
        source = office.source("bench", MAPPING, "virtual")
        basic = base64.b64encode(source.token.replace(".", ":", 1).encode()).decode()
        pid = office.system.pid("ingest")
        url, headers = office.system.urls["ingest"], {"authorization": f"Basic {basic}"}
        self._server = peer.Server(url, "/xapi/statements", pid, headers)
        rest(office)

    def rate(self, shape: Shape, seed: str, folder: Path) -> float:
        before = processor_s(self._server.pid)
        count = _send(self._server, shape, shape.requests, seed, folder)
        rest(self._office)
        return count / (processor_s(self._server.pid) - before)


def _rate(server: peer.Server, shape: Shape, requests: int, seed: str, folder: Path) -> float:
    before = processor_s(server.pid)
    count = _send(server, shape, requests, seed, folder)
    return count / (processor_s(server.pid) - before)


def _send(server: peer.Server, shape: Shape, requests: int, seed: str, folder: Path) -> int:
    """How many statements were taken: all."""
    made = list(_requests(server.path, {**VERSION, **server.headers}, shape.batch, requests, seed))
    plan = [made[number :: shape.connections] for number in range(shape.connections)]
    sent = Generator(server.url, plan, folder_of(folder, f"load-{seed}")).result()
    assert set(sent.statuses) == {"200"}, sent.statuses
    return shape.batch * requests


def _requests(path: str, headers: Mapping[str, str], batch: int, count: int, seed: str) -> Iterator[bytes]:
    source = statements(seed)
    for _ in range(count):
        some = list(islice(source, batch))
        yield request(path, headers, (some[0] if batch == 1 else f"[{','.join(some)}]").encode())


def _figure(name: str, rates: Mapping[tuple[str, str], list[float]]) -> Figure:
    ours, memory, files = (rates[name, whose] for whose in ("ours", "memory", "files"))
    ratio = median(mine / other for mine, other in zip(ours, memory, strict=True))
    against = times(median(ours), median(memory), "Ralph in memory")
    against += "; " + times(median(ours), median(files), "Ralph on its files")
    notes = (
        f"Statements a second of the server's processor time: ours {median(ours):,.0f} ({spread(ours)}), sealed,"
        f" indexed, mapped (one in {SCORED_EACH} is evidence), durable before the answer and charged until passed on;"
        f" Ralph 5.1.0 with a store in memory that costs nothing {median(memory):,.0f} ({spread(memory)}), with its own"
        f" file store, anew each round and told to append, {median(files):,.0f} ({spread(files)}).",
        f"{ROUNDS} rounds that take turns; statements of some 1.2 kB with ids; each server is one process.",
    )
    return Figure(f"xAPI door, {name}", ratio, "times", TARGETS[name], against=against, notes=notes)
