"""Ten thousand generated messages that nobody can take, at every door that reads JSON: refused or set aside, all."""

import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import httpx
import pytest

from tests.support.office import Office
from tests.support.processes import running, wait_for
from tests.support.watch import at_rest
from tests.system.bad_doors import Call, Premises
from tests.system.bad_doors_more import ALL_DOORS
from tests.system.garbling import Place, garbled

SEED = int(os.environ.get("WAYPROOF_TEST_SEED", "20261123"))
INPUTS = 10_000
ASIDE = {"quarantined", "no_claim", "conflict"}
RESULT = ("result", "extensions")
SAID = "https://lms.example/said/"
# What a message cannot do without, by door; what is wrong with it shows at once or keeps it from counting.
NEEDED: dict[str, list[Place]] = {
    "webhook": [("student",), ("skill",), ("score",), ("scale",), ("day",)],
    "stream": [("student",), ("skill",), ("score",), ("scale",), ("day",)],
    "observation": [("learner",), ("competency", "code"), ("rating", "scale"), ("occurred_at",), ("pathway",)],
    "statements": [(0, "actor"), (0, "verb"), (0, "verb", "id"), (0, "object"), (0, "object", "id"),
                   *((0, *RESULT, SAID + name) for name in ("skill", "scale", "score"))],
    "statement": [("actor",), ("verb",), ("object",),
                  *((*RESULT, SAID + name) for name in ("skill", "scale", "score"))],
    "caliper": [("data",), ("data", 0, "extensions"),
                *(("data", 0, "extensions", name) for name in ("student", "skill", "score", "scale", "day"))],
    "lookup": [("identifiers",), ("identifiers", 0, "scheme")],
    "link": [("scheme",)],
    "merge": [("reason",)],
    "redrive": [("limit",)],
    "scale": [("id",), ("version",)],
    "policy": [("policy", "id"), ("competencies",)],
    "achievement": [("kind",), ("requirement",)],
}  # fmt: skip
DOORS = [door for door in ALL_DOORS if door.name in NEEDED]


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    """A district of its own."""
    with running(tmp_path_factory.mktemp("generated") / "data") as system:
        yield Premises(Office(system)).prepare()


def test_ten_thousand_generated_messages_are_refused_or_set_aside(premises: Premises) -> None:
    print(f"WAYPROOF_TEST_SEED={SEED}")
    system, seen = premises.office.system, Counter[str]()
    before = _counted(premises)
    clients = {service: system.client(service) for service in ("ingest", "mastery", "credentials")}
    for number, call in enumerate(_calls(premises)):
        headers = [(name.encode(), value.encode("latin-1", "replace")) for name, value in call.headers]
        answer = clients[call.service].request(call.method, call.path, content=call.content, headers=headers)
        said = _judged(answer)
        assert said is None, f"input {number} of seed {SEED}, {call.path}: {said}\n{call.content[:500]!r}"
        seen[f"{call.path.split('/')[2].partition('?')[0]} {answer.status_code}"] += 1
    for client in clients.values():
        client.close()
    print(dict(sorted(seen.items())))
    wait_for(lambda: at_rest(system.data), 60, "the services are at rest")
    assert _counted(premises) == before
    assert seen.total() == INPUTS


def _calls(premises: Premises) -> Iterator[Call]:
    serials = count(1)
    stream = premises.stream()
    for number in range(INPUTS):
        chance = random.Random(f"{SEED}/{number}")
        door = DOORS[number % len(DOORS)]
        serial = f"g-{next(serials)}"
        good = door.good(premises, serial) if door.name != "stream" else _line(premises, stream, serial)
        spoilt = replace(good, content=garbled(good.content, NEEDED[door.name], "strict" in door.tags, chance))
        yield door.finish(premises, spoilt, serial)


def _line(premises: Premises, stream: str, serial: str) -> Call:
    """As the stream's good request, without opening one a line: it asks for the line after the last."""
    good = next(door for door in ALL_DOORS if door.name == "webhook").good(premises, serial)
    headers = (("authorization", f"Bearer {premises.lines.token}"),)
    return replace(good, path=f"/v1/streams/{stream}/lines?first=1", headers=headers)


def _judged(answer: httpx.Response) -> str | None:
    """What is wrong with it; nothing is."""
    kind = answer.headers.get("content-type", "")
    if answer.status_code >= 500:
        return f"{answer.status_code} {answer.text[:300]}"
    if answer.status_code >= 400:
        return None if kind == "application/problem+json" else f"no problem document: {kind}"
    if kind == "application/x-ndjson":
        outcomes = {line["outcome"] for line in map(json.loads, answer.content.splitlines()) if "outcome" in line}
    elif answer.headers.get("wayproof-receipt"):
        return None  # its outcomes are in the sums
    else:
        outcomes = set(answer.json().get("outcomes", ["taken for good"]))
    return None if outcomes <= ASIDE else f"{answer.status_code} {outcomes}"


def _counted(premises: Premises) -> list[Any]:
    sources = (premises.forms, premises.lines, premises.statements, premises.events)
    counted = [premises.office.outcomes(source) for source in sources]
    return [{outcome: said.get(outcome, 0) for outcome in ("accepted", "parked")} for said in counted]
