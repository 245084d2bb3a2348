"""Fifty clients at once that send slowly or never read, while good ones are served; then all of the fifty are gone."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from tests.support.office import Office
from tests.support.processes import running, wait_for
from tests.system.bad_doors import DOORS, Premises, sign

LIMITS_S = {"HEADER_TIMEOUT_S": "3", "BODY_TIMEOUT_S": "3", "ANSWER_TIMEOUT_S": "3", "KEEP_ALIVE_TIMEOUT_S": "2"}
SLOW_HEADERS = SLOW_BODIES = 20
DEAF = 10
GOOD = 50
ASKED = 200  # answers that a deaf client asks for: more than any socket holds
TRICKLE_S = 0.2
GONE_WITHIN_S = 60.0


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    """A district whose services do not wait for long."""
    limits = {f"WAYPROOF_{name}": value for name, value in LIMITS_S.items()}
    with running(tmp_path_factory.mktemp("slow") / "data", **limits) as system:
        yield Premises(Office(system)).prepare()


def test_fifty_slow_clients_are_dropped_and_good_ones_served(premises: Premises) -> None:
    place = urlsplit(premises.office.system.urls["ingest"])
    address = (str(place.hostname), int(place.port or 80))
    before = premises.office.outcomes(premises.forms)
    with ExitStack() as stack:
        clients = [_Slow(address, act, stack) for act in _acts(premises)]
        assert len(clients) == SLOW_HEADERS + SLOW_BODIES + DEAF
        statuses = [_good(premises, number) for number in range(GOOD)]
        wait_for(lambda: not any(client.is_held() for client in clients), GONE_WITHIN_S, "all of them are dropped")
        statuses += [_good(premises, number + GOOD) for number in range(GOOD)]
    assert set(statuses) == {202}
    after = premises.office.outcomes(premises.forms)
    assert after["accepted"] - before.get("accepted", 0) == 2 * GOOD, "and nothing of the slow ones counted"


def _good(premises: Premises, number: int) -> int:
    door, serial = DOORS[0], f"good-{number}"
    call = sign(premises, door.good(premises, serial), serial)
    with premises.office.system.client("ingest") as client:
        return client.post(call.path, content=call.content, headers=dict(call.headers)).status_code


class _Slow:
    """A client in a thread of its own."""

    def __init__(self, address: tuple[str, int], act: Callable[[socket.socket], None], stack: ExitStack) -> None:
        self._connection = stack.enter_context(socket.socket())
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._connection.connect(address)
        self._thread = threading.Thread(target=self._run, args=[act], daemon=True)
        self._thread.start()

    def is_held(self) -> bool:
        """Whether the service still keeps it."""
        return self._thread.is_alive()

    def _run(self, act: Callable[[socket.socket], None]) -> None:
        try:
            act(self._connection)
        except OSError:
            return


def _acts(premises: Premises) -> list[Callable[[socket.socket], None]]:
    call = sign(premises, DOORS[0].good(premises, "slow"), "slow")
    lines = [f"POST {call.path} HTTP/1.1", "Host: w", *(f"{name}: {value}" for name, value in call.headers)]
    head = "\r\n".join(lines).encode()
    sized = head + b"\r\nContent-Length: %d\r\n\r\n" % len(call.content)
    key = f"Authorization: Bearer {premises.office.district}\r\n".encode()
    asked = b"GET /openapi.json HTTP/1.1\r\nHost: w\r\n" + key + b"\r\n"
    slow_headers = [_trickle(b"", head + b"\r\nX-Slow: " + b"z" * 4000)] * SLOW_HEADERS
    return [*slow_headers, *[_trickle(sized, call.content[:-1] * 50)] * SLOW_BODIES, *[_deaf(asked)] * DEAF]


def _trickle(first: bytes, rest: bytes) -> Callable[[socket.socket], None]:
    def act(connection: socket.socket) -> None:
        connection.sendall(first)
        for at in range(min(len(rest), 1000)):
            connection.sendall(rest[at : at + 1])
            time.sleep(TRICKLE_S)
        raise AssertionError("it was never hung up on")

    return act


def _deaf(asked: bytes) -> Callable[[socket.socket], None]:
    """Asks and asks; ends when what it sends is sent to nobody."""

    def act(connection: socket.socket) -> None:
        connection.settimeout(1.0)
        unsent = asked * ASKED
        while True:
            try:
                unsent = unsent[connection.send(unsent) :] or b"\r\n"
            except TimeoutError:
                continue
            time.sleep(TRICKLE_S)

    return act
