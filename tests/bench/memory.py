"""How much memory the services hold, sampled while they work, and how much processor time they have used."""

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

INTERVAL_S = 0.25
MIB = 2**20


@dataclass
class Memory:
    """The most that all the processes held together at one instant, in bytes."""

    pids: Sequence[int]
    resident: int = 0  # RSS: pages that are shared count in each process
    proportional: int = 0  # PSS: a shared page counts once, divided among those who share it
    apart: list[int] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Memory":
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._stop.is_set():
            self._look()
            time.sleep(INTERVAL_S)

    def _look(self) -> None:
        found = [rollup(pid) for pid in self.pids]
        resident, proportional = (sum(each) for each in zip(*found, strict=True))
        if resident > self.resident:
            self.resident, self.apart = resident, [rss for rss, _ in found]
        self.proportional = max(self.proportional, proportional)


def rollup(pid: int) -> tuple[int, int]:
    """RSS and PSS of a process."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    kib = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:]}
    return kib["Rss"] * 1024, kib["Pss"] * 1024


def processor_s(pid: int) -> float:
    """Seconds of processor time a process has used since its start: steadier than the clock on a busy machine."""
    said = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(said[11]) + int(said[12])) / os.sysconf("SC_CLK_TCK")
