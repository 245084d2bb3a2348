"""A service that is only its wire format: what the command line says to it, and answers made up for it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import APIRouter, Request, Response

from services.runtime.app import create_app
from services.runtime.problems import Refusal


class StreamGap(Refusal):
    """A line of the stream is missing."""

    status = 409


class FakeIngest:
    """Streams as ingest keeps them: in order, without gaps; it can be told to fail after so many lines."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.streams = 0
        self.fail_after: int | None = None
        self.asked: list[tuple[str, str]] = []
        self.router = APIRouter()
        self.router.add_api_route("/v1/streams", self.open, methods=["POST"])
        self.router.add_api_route("/v1/streams/{stream}", self.state, methods=["GET"])
        self.router.add_api_route("/v1/streams/{stream}/lines", self.take, methods=["POST"])
        self.router.add_api_route("/v1/sources", self.sources, methods=["GET"])

    def open(self, request: Request) -> dict[str, Any]:
        self.streams += 1
        return {"stream": "s-1", "next_line": 1}

    def state(self, stream: str) -> dict[str, Any]:
        return {"stream": stream, "next_line": len(self.lines) + 1}

    async def take(self, stream: str, first: int, request: Request) -> Response:
        if self.fail_after is not None and len(self.lines) >= self.fail_after:
            raise Refusal("try later")
        if first != len(self.lines) + 1:
            raise StreamGap(pointer="/first")
        taken = (await request.body()).splitlines()
        self.lines += taken
        answers = [{"line": first + index, "outcome": "accepted"} for index in range(len(taken))]
        said = [*answers, {"next_line": len(self.lines) + 1, "receipt": "r-1"}]
        return Response("".join(json.dumps(line) + "\n" for line in said), media_type="application/x-ndjson")

    def sources(self, request: Request) -> Any:
        if request.headers.get("authorization") != "Bearer wp_1.secret":
            raise Refusal("a key is wanted", errors=[{"pointer": "/key", "detail": "missing"}])
        return {"sources": [{"source": "oak.clinic", "organisation": "clinic", "pathway": "internship", "title": None}]}


@contextmanager
def running(router: APIRouter) -> Iterator[str]:
    """The router as a service on a free port; its URL."""
    app = create_app("fake", [router], ready=dict, access=None)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)
