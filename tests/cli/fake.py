"""A service that is only its wire format: what the command line says to it, and answers made up for it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI, Request, Response

from services.runtime.app import create_app
from services.runtime.problems import Refusal


class StreamGap(Refusal):
    """A line of the stream is missing."""

    status = 409


class ComeBack(Refusal):
    """Too much waits already."""

    status = 503


class StreamUnknown(Refusal):
    """No stream of this id."""

    status = 404


class FakeIngest:
    """Streams as ingest keeps them: in order, without gaps; it can be told to fail after so many lines."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.streams = 0
        self.fail_after: int | None = None
        self.busy = 0  # requests for lines to be told to come back
        self.answers_lost = 0  # requests for lines that are taken, and then seem to fail
        self.learners = {"20246633": "58d4bf90-7593-4694-8a10-b87988833b0d"}
        self.asked: list[tuple[str, str]] = []
        self.router = APIRouter()
        self.router.add_api_route("/v1/streams", self.open, methods=["POST"])
        self.router.add_api_route("/v1/streams/{stream}", self.state, methods=["GET"])
        self.router.add_api_route("/v1/streams/{stream}/lines", self.take, methods=["POST"])
        self.router.add_api_route("/v1/sources", self.sources, methods=["GET"])
        self.router.add_api_route("/v1/learners/lookup", self.lookup, methods=["POST"])
        self.router.add_api_route("/v1/learners/{learner}/links", self.link, methods=["POST"])

    def open(self, request: Request) -> dict[str, Any]:
        self.streams += 1
        self.lines.clear()
        return {"stream": f"s-{self.streams}", "next_line": 1}

    def state(self, stream: str) -> dict[str, Any]:
        if stream != f"s-{self.streams}":
            raise StreamUnknown
        return {"stream": stream, "next_line": len(self.lines) + 1}

    async def take(self, stream: str, first: int, request: Request) -> Response:
        if self.fail_after is not None and len(self.lines) >= self.fail_after:
            raise Refusal("try later")
        if first != len(self.lines) + 1:
            raise StreamGap(pointer="/first")
        if self.busy:
            self.busy -= 1
            raise ComeBack
        taken = (await request.body()).splitlines()
        self.lines += taken
        if self.answers_lost:
            self.answers_lost -= 1
            raise ComeBack
        answers = [{"line": first + index, "outcome": "accepted"} for index in range(len(taken))]
        said = [*answers, {"next_line": len(self.lines) + 1, "receipt": "r-1"}]
        return Response("".join(json.dumps(line) + "\n" for line in said), media_type="application/x-ndjson")

    async def lookup(self, request: Request) -> Any:
        asked = (await request.json())["identifiers"]
        return {"learners": [self.learners.get(each["value"]) for each in asked]}

    def link(self, learner: str) -> Any:
        return {"link": "l-1", "released": 3}

    def sources(self, request: Request) -> Any:
        if request.headers.get("authorization") != "Bearer wp_1.secret":
            raise Refusal("a key is wanted", errors=[{"pointer": "/key", "detail": "missing"}])
        return {"sources": [{"source": "oak.clinic", "organisation": "clinic", "pathway": "internship", "title": None}]}


@contextmanager
def running(router: APIRouter) -> Iterator[str]:
    """The router as a service on a free port; its URL."""
    with serving(create_app("fake", [router], ready=dict, access=None)) as url:
        yield url


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The application on a free port; its URL."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off", date_header=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)
