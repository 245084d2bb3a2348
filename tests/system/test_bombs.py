"""Fifty messages that are far larger than they look, or dear to read: refused, each twenty times, in bounded memory."""

import gzip
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import count
from pathlib import Path

import pytest

from tests.support.office import Office
from tests.support.processes import SERVICES, running
from tests.system.bad_doors import MARK, Call, Door, Premises
from tests.system.bad_doors_more import ALL_DOORS, HEADER
from tests.system.bad_packages import _zip

TIMES, GROWTH_MAX_MIB = 20, 64.0
JSON_DOORS = ("webhook", "stream", "observation", "statements", "roster", "policy", "achievement")
FILE_DOORS = ("file", "roster-package")
Bomb = tuple[str, Door, Callable[[Call], Call]]
PLANTED = json.dumps(MARK).encode()
serials = count(1)


@cache
def _zeros(mib: int, level: int) -> bytes:
    return gzip.compress(bytes(mib << 20), level)


@cache
def _twice(mib: int) -> bytes:
    return gzip.compress(_zeros(mib, 9), 9)


@cache
def _content(name: str) -> bytes:
    """In the place of a text, or of the whole."""
    chance = random.Random(7)
    return {
        "nested": b'{"a":' * 20_000 + b"0" + b"}" * 20_000,
        "nested lists": b"[" * 30_000 + b"]" * 30_000,
        "wide": b"[" + b"{}," * 20_000 + b"{}]",
        "keys": b"{" + b",".join(b'"%x":0' % chance.getrandbits(64) for _ in range(110_000)) + b"}",
        "a long number": b"9" * 60_000,
        "an exponent": b"1e" + b"9" * 60_000,
    }[name]


def _packed(mib: int, level: int) -> Callable[[Call], Call]:
    return lambda call: replace(call, content=_zeros(mib, level)).having("content-encoding", "gzip")


def _said(name: str) -> Callable[[Call], Call]:
    return lambda call: replace(call, content=call.content.replace(PLANTED, _content(name), 1))


@cache
def _archive(mib: int, files: int) -> bytes:
    return _zip({"manifest.csv": b"propertyName,value\n", **{f"f{n}.csv": bytes(mib << 20) for n in range(files)}})


def _bombs() -> list[Bomb]:
    doors = {door.name: door for door in ALL_DOORS}
    bombs: list[Bomb] = []
    for name in (*JSON_DOORS, *FILE_DOORS, "table"):
        bombs.append((f"{name}: gzip", doors[name], _packed(60, 9)))
    for name in JSON_DOORS:
        for what in ("nested", "nested lists", "a long number", "an exponent"):
            bombs.append((f"{name}: {what}", doors[name], _said(what)))
    for name in ("observation", "policy"):
        bombs.append((f"{name}: keys", doors[name], _said("keys")))
    bombs.append(("policy: wide", doors["policy"], _said("wide")))
    twice = lambda call: replace(call, content=_twice(60)).having("content-encoding", "gzip")  # noqa: E731
    bombs.append(("webhook: gzip in gzip", doors["webhook"], twice))
    for name, mib, files in (("file", 100, 1), ("file", 10, 20), ("roster-package", 100, 1), ("roster-package", 3, 60)):
        archive = _archive(mib, files)
        bombs.append(
            (f"{name}: {files} x {mib} MiB", doors[name], lambda c, a=archive: replace(c, files=(), content=a))
        )  # type: ignore[misc]
    wide = HEADER.encode() + b"\n" + b'"' + b"," * 3_000_000
    for name, text in (
        ("columns", b"," * 3_000_000),
        ("a row", wide),
        ("quotes", b'"' * 3_000_000),
        ("lines", b"\n" * 10**7),
    ):
        bombs.append((f"table: {name}", doors["table"], lambda c, t=text: replace(c, content=t)))  # type: ignore[misc]
    return bombs


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    """A district of its own."""
    with running(tmp_path_factory.mktemp("bombs") / "data") as system:
        yield Premises(Office(system)).prepare()


def test_bombs_are_refused_in_bounded_memory(premises: Premises) -> None:
    bombs, system = _bombs(), premises.office.system
    assert len(bombs) >= 50
    clients = {service: system.client(service) for service in SERVICES}

    def throw() -> None:
        for name, door, load in bombs:
            serial = f"b-{next(serials)}"
            call = door.good(premises, serial)
            call = load(call) if call.files else door.finish(premises, load(call), serial)
            headers = [(key.encode(), value.encode()) for key, value in call.headers]
            answer = clients[call.service].request(call.method, call.path, content=call.content, headers=headers)
            aside = answer.status_code < 300 and b"accepted" not in answer.content
            assert 400 <= answer.status_code < 500 or aside, (name, answer.status_code, answer.text[:200])

    throw()
    before = _resident_mib(premises)
    for _ in range(TIMES):
        throw()
    after = _resident_mib(premises)
    grown = {service: round(after[service] - before[service], 1) for service in SERVICES}
    print(f"{len(bombs)} bombs, {TIMES} times, MiB grown {grown}")
    assert sum(max(0.0, each) for each in grown.values()) < GROWTH_MAX_MIB, grown
    assert {said["starts"] for said in system.state().values()} == {1}
    for client in clients.values():
        client.close()


def _resident_mib(premises: Premises) -> dict[str, float]:
    found = {}
    for service in SERVICES:
        lines = Path(f"/proc/{premises.office.system.pid(service)}/status").read_text().splitlines()
        found[service] = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024
    return found
