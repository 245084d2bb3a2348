"""A measured figure, and the table of them."""

import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

HEADINGS = ("Measure", "Measured", "Target", "Against the baseline of the same run", "")


@dataclass(frozen=True)
class Figure:
    """One line of the table; without a target it is told for what it is."""

    measure: str
    measured: float
    unit: str
    target: float | None = None
    at_most: bool = False  # whether less is better
    against: str = ""
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """Met or missed."""
        if self.target is None:
            return ""
        met = self.measured <= self.target if self.at_most else self.measured >= self.target
        return "met" if met else "missed"

    def cells(self) -> tuple[str, ...]:
        """The line in words."""
        sign = "at most " if self.at_most else ""
        target = "" if self.target is None else f"{sign}{_number(self.target)} {self.unit}"
        return self.measure, f"{_number(self.measured)} {self.unit}", target, self.against, self.verdict


def median(rounds: Iterable[float]) -> float:
    """Of rounds that took turns with their baselines."""
    return statistics.median(rounds)


def spread(rounds: Sequence[float]) -> str:
    """What the rounds measured, least and most."""
    return f"{_number(min(rounds))} to {_number(max(rounds))}"


def times(figure: float, baseline: float, name: str) -> str:
    """How many times a named baseline, and what that baseline did."""
    return f"{figure / baseline:.1f} times {name} ({_number(baseline)})"


def as_text(figures: Sequence[Figure]) -> str:
    """The table for a terminal, with its notes."""
    rows = [HEADINGS, *(figure.cells() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    notes = [f"{figure.measure}: {note}" for figure in figures for note in figure.notes]
    return "\n".join([machine(), "", *lines, "", *notes])


def as_page(figures: Sequence[Figure]) -> str:
    """`docs/performance.md`."""
    rows = [HEADINGS, tuple("---" for _ in HEADINGS), *(figure.cells() for figure in figures)]
    table = ["| " + " | ".join(row) + " |" for row in rows]
    notes = [f"- **{figure.measure}.** {' '.join(figure.notes)}" for figure in figures if figure.notes]
    return "\n".join(
        ["# Performance", "", _PREFACE, "", machine(), "", *table, "", "## What was measured", "", *notes, ""]
    )


def machine() -> str:
    """Where and when."""
    names = (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name"))
    kib = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal:")), 0)
    cores = len(os.sched_getaffinity(0))
    model = next(names, platform.machine())
    day = datetime.now(UTC).date().isoformat()
    python = platform.python_version()
    busy = os.getloadavg()[1]
    return (
        f"{day}, {cores} cores ({model}), {kib / 2**20:.0f} GiB, Linux {platform.release()}, Python {python}."
        f" Load average of the last five minutes: {busy:.1f}{_beside(busy, cores)}."
    )


def _beside(busy: float, cores: int) -> str:
    """The benchmark itself keeps some four processes busy."""
    return "; much else ran beside it, so only the ratios say anything" if busy > cores + 3 else ""


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


_PREFACE = (
    "Written by `python -m tests.bench --write`; `make bench` prints the same table. Absolute figures say as much of\n"
    "the machine as about the program, and this one shares its two cores among the services, the client that sends to\n"
    "them and whatever else runs. So each figure takes turns with its baseline in the same run, and the median of the\n"
    "rounds is told: the ratio is what to compare."
)
