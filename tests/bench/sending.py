"""Requests written out beforehand, and the process that sends them."""

import json
import pickle
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.paths import ROOT


@dataclass(frozen=True)
class Sent:
    """What the load generator measured."""

    started: float  # by the clock of the machine, which all its processes share
    seconds: float
    statuses: Mapping[str, int]
    latencies_ms: Sequence[float]

    def latency_ms(self, share: float) -> float:
        """The latency that this share of the requests did not exceed."""
        return self.latencies_ms[min(len(self.latencies_ms) - 1, int(share * len(self.latencies_ms)))]


def request(path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """The bytes of a POST."""
    said = {"host": "localhost", "content-length": str(len(body)), **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


class Generator:
    """A process of its own; it is started with everything it is to send."""

    def __init__(self, url: str, plan: Sequence[Sequence[bytes]], folder: Path, timeout_s: float = 300) -> None:
        self._timeout_s = timeout_s
        said = urlsplit(url)
        file = folder / "plan.pickle"
        file.write_bytes(pickle.dumps([list(requests) for requests in plan]))
        command = [sys.executable, "-m", "tests.bench.load", str(said.hostname), str(said.port), str(file)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    def result(self) -> Sent:
        """When it has ended."""
        output, _ = self._process.communicate(timeout=self._timeout_s)
        assert self._process.returncode == 0, "the load generator failed"
        return Sent(**json.loads(output))
