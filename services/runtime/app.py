"""The process around a service: its HTTP application, its workers, and an orderly end."""

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import uvicorn
from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp, Receive, Scope, Send

from services.runtime import limits, metrics, metrics_api, problems
from services.runtime.hot import UNSIGNED, Application, Hot
from services.runtime.http import Bounds, bounded_protocol
from services.runtime.interpreter import settle_in
from services.runtime.progress import progress
from services.runtime.settings import RuntimeSettings
from services.runtime.telemetry import get_logger
from services.runtime.tenancy import every_tenant

log = get_logger(__name__)

ReadyCheck = Callable[[], dict[str, str]]


class Worker(Protocol):
    """One thread's work: runs until `stop` is set, and finishes the transaction at hand before it returns.

    A worker that can count what it still has to do says so in `pending()`, or raises LogUnavailable; what else it has
    for `/metrics` is in `sizes` (how much went into each of its transactions) and `measures()`.
    """

    name: str

    def run(self, stop: threading.Event) -> None: ...


@dataclass
class Service:
    """A service as its composition root made it; `ready` answers what is wrong, by name."""

    name: str
    app: FastAPI
    workers: list[Worker] = field(default_factory=list)
    ready: ReadyCheck = dict
    close: Callable[[], None] = lambda: None
    measures: metrics.Measure = tuple

    def __post_init__(self) -> None:
        self.app.state.workers = self.workers  # for /health/progress
        self.app.state.metrics.watch(self.workers, self.measures)


class NotReady(problems.Refusal):
    """The service is up but cannot do its work yet."""

    status = 503
    headers: ClassVar = {"Retry-After": "1"}


def create_app(name: str, routers: Iterable[APIRouter], *, ready: ReadyCheck, access: object) -> FastAPI:
    """The HTTP application of a service: its routers, health, problems, documentation, strict bodies."""
    routers = list(routers)
    app = Application(title=f"Wayproof {name}", version="1", generate_unique_id_function=lambda route: route.name)
    app.state.access = access
    app.state.metrics = metrics.Metrics(ready)
    problems.install(app)
    for router in (*routers, _health(ready), metrics_api.router(), problems.router()):
        limits.make_strict(router)
        app.include_router(router)
    app.add_middleware(Unsigned)
    app.hot = Hot(routers)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    return app


class Unsigned:
    """Until a key says whose it is, a request is nobody's: public documents and webhooks are found by their ids."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with every_tenant(UNSIGNED):
            await self._app(scope, receive, send)


def serve(service: Service, settings: RuntimeSettings) -> int:
    """Run the service until it is told to stop; 0 when it stopped in order, 1 when something of it died."""
    try:
        listener = _listen(settings.host, settings.port)
    except OSError as fault:
        log.fault("cannot listen", fault, host=settings.host, port=settings.port)
        service.close()
        return 1
    service.app.state.body_timeout_s = settings.body_timeout_s
    server = uvicorn.Server(_config(service.app, settings))
    server.capture_signals = _no_signals  # type: ignore[method-assign]
    crew = Crew(service.workers, on_death=lambda: setattr(server, "should_exit", True))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    return _run(service, server, crew, listener, settings.stop_timeout_s)


class Crew:
    """The worker threads of a service; one that ends before it is told to ends them all."""

    def __init__(self, workers: Sequence[Worker], on_death: Callable[[], None]) -> None:
        self._stop = threading.Event()
        self._on_death = on_death
        self._threads = [threading.Thread(target=self._work, args=[w], name=w.name, daemon=True) for w in workers]
        self.died: list[str] = []

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Whether every worker finished what it had at hand in time."""
        self._stop.set()
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self, worker: Worker) -> None:
        try:
            with every_tenant(worker.name):
                worker.run(self._stop)
            if self._stop.is_set():
                return
            log.error("worker ended before it was told to", worker=worker.name)
        except BaseException as fault:
            log.fault("worker died", fault, worker=worker.name)
        self.died.append(worker.name)
        self._on_death()


def _run(service: Service, server: uvicorn.Server, crew: Crew, listener: socket.socket, stop_timeout_s: float) -> int:
    """Requests end before workers do: a request may be waiting for a worker's commit."""
    log.info("listening", host=listener.getsockname()[0], port=listener.getsockname()[1], pid=os.getpid())
    settle_in()
    crew.start()
    server.run(sockets=[listener])
    if not crew.stop(stop_timeout_s):
        log.error("workers did not finish in time", wait_s=stop_timeout_s)
        return 1
    service.close()
    log.info("stopped", count=len(crew.died))
    return 1 if crew.died else 0


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=1024)


def _config(app: FastAPI, settings: RuntimeSettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=bounded_protocol(_bounds(settings), app.state.metrics.count_problem),
        loop="uvloop",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        headers=[("X-Content-Type-Options", "nosniff")],
        timeout_keep_alive=settings.keep_alive_timeout_s,
        timeout_graceful_shutdown=settings.stop_timeout_s,
    )


def _bounds(settings: RuntimeSettings) -> Bounds:
    return Bounds(
        settings.header_bytes_max, settings.header_timeout_s, settings.answer_timeout_s, settings.connections_max
    )


@contextlib.contextmanager
def _no_signals() -> Iterator[None]:
    """`serve` handles the signals: the server's own handling would end the process before the workers finish."""
    yield


def _health(ready: ReadyCheck) -> APIRouter:
    router = APIRouter(prefix="/health", tags=["health"])

    @router.get("/live")
    def get_live() -> dict[str, str]:
        """The process answers."""
        return {"status": "live"}

    @router.get("/ready", responses=problems.problems(NotReady))
    def get_ready() -> dict[str, str]:
        """The service can do its work; when not, what is wrong, by name."""
        if wrong := ready():
            raise NotReady(wrong=wrong)
        return {"status": "ready"}

    @router.get("/progress")
    def get_progress(request: Request) -> dict[str, int | None]:
        """What each worker still has to do, in items; all 0 when everything that came has been dealt with.

        Null while it cannot be known, because the log that says it is away.
        """
        return progress(getattr(request.app.state, "workers", []))

    return router


def _document(app: FastAPI) -> dict[str, Any]:
    """OpenAPI, with bad input answered as it really is: a 400 problem, not the framework's 422."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes)
        for path in document["paths"].values():
            for operation in path.values():
                _say_400(operation["responses"])
        for unused in ("HTTPValidationError", "ValidationError"):
            document.get("components", {}).get("schemas", {}).pop(unused, None)
        app.openapi_schema = document
    return app.openapi_schema


def _say_400(responses: dict[str, Any]) -> None:
    if responses.pop("422", None) and "400" not in responses:
        responses |= {str(status): said for status, said in problems.problems(problems.InvalidRequest).items()}
