"""What came whole and is answered whole is answered as if it had gone step by step through the framework."""

import asyncio
import socket
from functools import partial
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response
from uvicorn import Config
from uvicorn.server import ServerState

from services.runtime import whole
from services.runtime.app import create_app
from services.runtime.hot import HotRoute
from services.runtime.http import Bounds, bounded_protocol
from services.runtime.limits import read_body
from services.runtime.refusals import Refusal

router = APIRouter(route_class=HotRoute)
LIMIT, SILENCE_S = 100, 1.5
POST = b"POST /echo/%b HTTP/1.1\r\nHost: x\r\n"


class NotToday(Refusal):
    """Nothing is taken today."""

    status = 503
    headers = {"Retry-After": "7"}  # noqa: RUF012


@router.post("/echo/{how}")
async def echo(how: str, request: Request) -> Response:
    body = await read_body(request, LIMIT, timeout_s=0.5)
    if how == "refused":
        raise NotToday
    if how == "empty":
        return Response(status_code=204)
    headers = {"Connection": "close"} if how == "last" else {"X-Said": how}
    return Response(body[::-1], 202, headers, "application/json")


def message(how: bytes, body: bytes, *headers: bytes) -> bytes:
    head = b"".join(b"%b\r\n" % header for header in (*headers, b"Content-Length: %d" % len(body)))
    return POST % how + head + b"\r\n" + body


WHOLE = message(b"plain", b"abc")
SENT = {
    "whole": [WHOLE],
    "empty": [message(b"empty", b"")],
    "without a body": [POST % b"plain" + b"\r\n"],
    "refused": [message(b"refused", b"abc")],
    "too large": [message(b"plain", b"a" * (LIMIT + 1))],
    "the last of its connection": [message(b"last", b"abc")],
    "asked to be the last": [message(b"plain", b"abc", b"Connection: close")],
    "of an older protocol": [WHOLE.replace(b"HTTP/1.1", b"HTTP/1.0")],
    "in pieces": [WHOLE[:10], WHOLE[10:-2], WHOLE[-2:]],
    "in chunks": [POST % b"plain" + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"],
    "asking whether to send it": [WHOLE.replace(b"Host: x", b"Host: x\r\nExpect: 100-continue")],
    "one after the other": [WHOLE, message(b"plain", b"de")],
    "all at once": [WHOLE + message(b"refused", b"de") + message(b"plain", b"fg")],
    "cut short": [WHOLE[:-1]],
    "compressed wrongly": [message(b"plain", b"abc", b"Content-Encoding: gzip")],
}


async def exchanged(app: Any, parts: list[bytes]) -> bytes:
    """All that comes back on one connection until the service hangs up or says nothing for a while."""
    config = Config(app, http=bounded_protocol(Bounds()), interface="asgi3", lifespan="off", proxy_headers=False)
    config.load()
    state = ServerState()
    state.default_headers = [(b"date", b"today"), (b"x-content-type-options", b"nosniff")]
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    make = partial(config.http_protocol_class, config=config, server_state=state, app_state={})
    transport, _ = await loop.connect_accepted_socket(make, ours)
    for part in parts:
        await loop.sock_sendall(theirs, part)
        await asyncio.sleep(0.02)
    heard = b""
    try:
        while more := await asyncio.wait_for(loop.sock_recv(theirs, 65536), SILENCE_S):
            heard += more
    except TimeoutError:
        heard += b"<still open>"
    transport.close()
    theirs.close()
    return heard


def in_order(heard: bytes) -> list[bytes]:
    """The lines; headers may stand in any order."""
    return [b"\r\n".join(sorted(block.split(b"\r\n"))) for block in heard.split(b"\r\n\r\n")]


@pytest.fixture
def app() -> FastAPI:
    return create_app("echo", [router], ready=dict, access=None)


def test_every_answer_is_the_frameworks(app):
    async def all_of(app: Any) -> dict[str, list[bytes]]:
        heard = await asyncio.gather(*(exchanged(app, parts) for parts in SENT.values()))
        return dict(zip(SENT, map(in_order, heard), strict=True))

    async def both() -> list[dict[str, list[bytes]]]:
        return await asyncio.gather(all_of(app), all_of(partial(FastAPI.__call__, app)))

    ahead, framework = asyncio.run(both())
    assert ahead == framework
    assert [what for what, heard in ahead.items() if not heard[0].startswith(b"HTTP/1.1 ")] == []


def test_what_comes_whole_is_answered_in_one_write(app, monkeypatch):
    left = []
    monkeypatch.setattr("services.runtime.hot.answered", lambda *said: left.append(whole.answered(*said)) or left[-1])
    asyncio.run(exchanged(app, SENT["one after the other"]))
    assert left == [True, True]
