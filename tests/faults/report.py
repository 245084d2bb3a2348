"""What a round came to, as the table of `docs/reliability.md` and as a line for programs."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from tests.faults.plan import Kind
from tests.faults.siege import Siege
from tests.faults.verdict import Verdict
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- {}: written by make faults -->", "<!-- end of {} -->"
TITLES = {"whole": "A round", "three brokers": "One of three brokers killed"}


def written(siege: Siege, verdict: Verdict, took_s: float, ends: Counter[tuple[str, int]], name: str) -> str:
    """A section in Markdown."""
    reached = Counter(landed.blow.kind for landed in siege.landed if "not_done" not in landed.came_of_it)
    chronicle = siege.book.chronicle
    lines = [
        f"### {TITLES[name]}: seed {siege.plan.seed}, {datetime.now(UTC):%Y-%m-%d}",
        "",
        f"{_machine()}; {took_s:.0f} s from the first piece to the verdict. {chronicle.recorded:,} pieces of evidence"
        f" of {len(siege.learners):,} learners by every door, {chronicle.said.total():,} deliveries of them, one id"
        f" {siege.echoed:,} times, {siege.refused} forgeries.",
        "",
        "| Fault | Planned | Reached |",
        "| --- | ---: | ---: |",
        *(f"| {kind} | {planned} | {reached[kind]} |" for kind, planned in siege.plan.blows.items()),
        "",
        " ".join([*_told(siege), f"Processes that ended: {_said(ends)}."]),
        "",
        "| Invariant | Found |",
        "| --- | --- |",
        *(f"| {name} | {said} |" for name, said in verdict.held.items()),
        *(f"| {name} | **broken**: {said} |" for name, said in verdict.broken.items()),
    ]
    return "\n".join(lines) + "\n"


def keep(section: str, name: str) -> None:
    """In the page, in the place of what the last such round came to."""
    begin, end = BEGIN.format(name), END.format(name)
    head, _, rest = PAGE.read_text().partition(begin)
    _, _, tail = rest.partition(end)
    PAGE.write_text(f"{head}{begin}\n\n{section}\n{end}{tail}")


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def _told(siege: Siege) -> Iterator[str]:
    """What came of the blows, in words."""
    ends = Counter(str(each.came_of_it["end"]) for each in siege.landed if each.blow.kind is Kind.ZOMBIE)
    if ends:
        yield f"Zombies that woke: {', '.join(f'{count} {end}' for end, count in sorted(ends.items()))}."
    disks = [each.came_of_it for each in siege.landed if each.blow.kind is Kind.DISK]
    if any("not_done" in said for said in disks):
        yield "Disks could not be filled: this process may not mount small ones."
    elif disks:
        died = sum(bool(said["died"]) for said in disks)
        yield f"Of {len(disks)} full disks (a small tmpfs under each server), {died} ended their server."
    for each in siege.landed:
        if "went_on" in each.came_of_it:
            yield f"With one broker dead, messages taken in meanwhile: {each.came_of_it['went_on']}."


def _said(ends: Counter[tuple[str, int]]) -> str:
    named = [f"{service} {'by signal ' + str(-code) if code < 0 else 'with ' + str(code)} {count} times"
             for (service, code), count in sorted(ends.items())]  # fmt: skip
    return ", ".join(named) or "none"
