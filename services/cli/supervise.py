"""`wayproof up`: the three services as processes on one data folder, each restarted when it dies."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import FrameType

import click

from services.cli.child import Child

SERVICES = ("ingest", "mastery", "credentials")
WhenReady = Callable[[Mapping[str, str]], Iterable[str]]  # given the URLs, what to say
TICK_S = 0.05
STOP_LIMIT_S = 30.0  # a service gives its requests and workers 20 s
KEEPERS: list[socket.socket] = []  # one a port that was chosen


@click.command()
@click.option("--data", type=click.Path(path_type=Path), default="data", envvar="WAYPROOF_DATA_DIR", show_default=True)
@click.option("--host", default="127.0.0.1", envvar="WAYPROOF_HOST", show_default=True, help="Address to listen on.")
@click.option("--ports", default="8801,8802,8803", show_default=True, help="Ports in that order; 0 takes a free one.")
@click.option("--sample", is_flag=True, help="Load a sample district when the folder has none, and print its keys.")
def up(data: Path, host: str, ports: str, sample: bool) -> None:
    """Run ingest, mastery and credentials; restart one that dies; stop all on Ctrl-C or SIGTERM."""
    data.mkdir(parents=True, exist_ok=True)
    lock = _hold(data)
    numbers = _ports(host, ports)
    told = partial(_load_sample, data) if sample else _nothing
    supervisor = Supervisor(data, make_children(data, host, numbers, _command), click.echo, told)
    try:
        code = supervisor.run()
    finally:
        os.close(lock)
    sys.exit(code)


def _nothing(urls: Mapping[str, str]) -> Iterable[str]:
    return ()


class Supervisor:
    """Looks after its children until a signal says stop; a second signal does not wait for them."""

    def __init__(
        self,
        data: Path,
        children: Sequence[Child],
        say: Callable[[str], None],
        when_ready: WhenReady = _nothing,
        stop_limit_s: float = STOP_LIMIT_S,
    ) -> None:
        self._file = data / "up.json"
        self._children, self._say, self._stop_limit_s = children, say, stop_limit_s
        self._when_ready = when_ready
        self._signals = 0
        self._told_ready = False

    def run(self) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        while not self._signals:
            if self._look_after():
                self._write()
            time.sleep(TICK_S)
        return self._stop()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1

    def _look_after(self) -> bool:
        """Whether anything changed."""
        changed = [self._look_after_one(child) for child in self._children]
        if not self._told_ready and all(child.ready for child in self._children):
            self._told_ready = True
            for line in self._when_ready({child.name: child.url for child in self._children}):
                self._say(line)
            self._say("ready; stop with Ctrl-C")
        return any(changed)

    def _look_after_one(self, child: Child) -> bool:
        if died := child.died():
            code, wait_s = died
            self._say(f"{child.name} ended ({_why(code)}); it starts again in {wait_s:g} s")
            return True
        if child.may_start():
            child.start()
            return True
        if not child.ready and child.answers():
            self._say(f"{child.name:<12} {child.url}")
            return True
        return False

    def _write(self) -> None:
        """`up.json` tells tests and operators what runs where; replaced whole, so nobody reads half of it."""
        services = {c.name: {"pid": c.pid, "url": c.url, "ready": c.ready, "starts": c.starts} for c in self._children}
        draft = self._file.with_suffix(".new")
        draft.write_text(json.dumps({"pid": os.getpid(), "services": services}, indent=2))
        draft.replace(self._file)

    def _stop(self) -> int:
        for child in self._children:
            child.ask_to_stop()
        until = time.monotonic() + self._stop_limit_s
        clean = [self._end(child, until) for child in self._children]
        self._file.unlink(missing_ok=True)
        self._say("stopped" if all(clean) else "stopped, not in order")
        return 0 if all(clean) else 1

    def _end(self, child: Child, until: float) -> bool:
        """In short waits, because a second signal means now."""
        while not child.ended() and time.monotonic() < until and self._signals < 2:
            time.sleep(TICK_S)
        return child.end()


def _load_sample(data: Path, urls: Mapping[str, str]) -> Iterable[str]:
    """A district that cannot be loaded is said, and the services stay up."""
    from services.demo.sample import load
    from services.demo.site import NotAsTold

    try:
        return load(data, urls)
    except NotAsTold as fault:
        return [f"the sample district is not loaded: {fault}"]


def make_children(data: Path, host: str, ports: Iterable[int], command: Callable[[str], Sequence[str]]) -> list[Child]:
    children = []
    for name, port in zip(SERVICES, ports, strict=True):
        env = _environment(data, host, {name: port})
        children.append(Child(name, command(name), env, host, port))
    return children


def _environment(data: Path, host: str, ports: Mapping[str, int]) -> dict[str, str]:
    own = {f"WAYPROOF_{name.upper()}_PORT": str(port) for name, port in ports.items()}
    return {**os.environ, "WAYPROOF_DATA_DIR": str(data.absolute()), "WAYPROOF_HOST": host, **own}


def _command(name: str) -> list[str]:
    return [sys.executable, "-m", "services.cli.tethered", name]


def _ports(host: str, said: str) -> list[int]:
    numbers = said.split(",")
    if len(numbers) != len(SERVICES) or not all(n.strip().isdecimal() and int(n) < 65536 for n in numbers):
        raise click.BadParameter("three numbers from 0 to 65535, with commas between", param_hint="--ports")
    return [int(number) or _free_port(host) for number in numbers]


def _free_port(host: str) -> int:
    """Kept until this process ends, so that nobody takes it before the service starts, or while it starts again.

    What keeps it does not listen and lets the service bind beside it.
    """
    keeper = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    keeper.bind((host, 0))
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # not before: another's would get along with it
    KEEPERS.append(keeper)
    return int(keeper.getsockname()[1])


def _why(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _hold(data: Path) -> int:
    descriptor = os.open(data / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise click.ClickException(f"the services already run on {data}") from None
    return descriptor
