"""The services as they run: reachable, ready and why not, how much is still to do, whether their clocks agree."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx

from services.cli.checkup.finding import Finding, State
from services.cli.client import DEFAULT_URLS

TIMEOUT_S = 5.0
LAG_WATCH = 10_000
SKEW_WATCH_S, SKEW_WRONG_S = 2.5, 30.0  # a Date header counts whole seconds
LEASES = re.compile(r"^wayproof_(partitions_held|lease_losses_total) (\S+)$", re.MULTILINE)
GAP = re.compile(r"(?P<topic>(?P<service>\w+)\.\w+)\[(?P<part>\d+)\]: expected seq (?P<seq>\d+), got \d+")


def addresses(data: Path, said: Mapping[str, str | None]) -> dict[str, str]:
    """Where each service is: as said, else where `wayproof up` runs it on this folder, else the default."""
    up = _supervised(data)
    return {name: said.get(name) or up.get(name, {}).get("url") or DEFAULT_URLS[name] for name in DEFAULT_URLS}


def restarts(data: Path) -> Iterator[Finding]:
    """Whether the supervisor had to start one again."""
    up = _supervised(data)
    for name, found in up.items():
        if found["starts"] > 1:
            said = f"started {found['starts']} times since `wayproof up`"
            yield Finding(name, "watch", said, "its log says why it ended")


@dataclass(frozen=True)
class Running:
    """One service, asked over HTTP."""

    name: str
    url: str

    def look(self) -> Iterator[Finding]:
        """Everything it says of itself; nothing more when it cannot be reached."""
        with httpx.Client(base_url=self.url, timeout=TIMEOUT_S, trust_env=False) as http:
            try:
                ready, asked_at = http.get("/health/ready"), datetime.now(UTC)
            except httpx.TransportError as fault:
                remedy = "wayproof up starts all three; WAYPROOF_…_URL says where they are when it is elsewhere"
                yield Finding(self.name, "wrong", f"{self.url} does not answer ({type(fault).__name__})", remedy)
                return
            yield from self._readiness(ready)
            try:
                yield from self._lag(http.get("/health/progress"))
                yield from self._leases(http.get("/metrics"))
            except httpx.TransportError as fault:
                said = f"does not say how much there is to do ({type(fault).__name__})"
                yield Finding(self.name, "watch", said, "see what else is wrong with it")
            yield from self._skew(ready, asked_at)

    def _readiness(self, answer: httpx.Response) -> Iterator[Finding]:
        wrong = _json(answer).get("wrong")
        if answer.is_success:
            yield Finding(self.name, "good", f"ready at {self.url}")
        elif not isinstance(wrong, dict):
            said = f"{self.url} answers {answer.status_code}, not as a Wayproof service would"
            yield Finding(self.name, "wrong", said, "see that the address is right")
        else:
            for worker, why in wrong.items():
                yield Finding(self.name, "wrong", f"not ready: {worker}: {why}", remedy_of(str(why)))

    def _lag(self, answer: httpx.Response) -> Iterator[Finding]:
        said = _json(answer)
        for worker in (worker for worker, count in said.items() if count is None):
            remedy = "see why it does not answer; until it does, nobody knows how much waits there"
            yield Finding(self.name, "watch", f"{worker} cannot say what it has to do: its log is unavailable", remedy)
        counts = {worker: count for worker, count in said.items() if isinstance(count, int) and count}
        for worker, count in counts.items():
            state: State = "watch" if count > LAG_WATCH else "good"
            remedy = "it should shrink: look again; if it does not, see the service's log" if state == "watch" else ""
            yield Finding(self.name, state, f"{worker} has {count:,} to do", remedy)
        if answer.is_success and not counts and None not in said.values():
            yield Finding(self.name, "good", "nothing left to do")

    def _leases(self, answer: httpx.Response) -> Iterator[Finding]:
        """Its share of the partitions, where several processes share them."""
        said = {name: int(float(value)) for name, value in LEASES.findall(answer.text)}
        if "partitions_held" in said:
            yield Finding(self.name, "good", f"works {said['partitions_held']} partitions")
        if lost := said.get("lease_losses_total"):
            remedy = "it stood still for longer than WAYPROOF_LEASE_S, or could not reach its database"
            yield Finding(self.name, "watch", f"another process took {lost} partitions over from it", remedy)

    def _skew(self, answer: httpx.Response, here: datetime) -> Iterator[Finding]:
        if "date" not in answer.headers:
            return
        skew_s = abs((parsedate_to_datetime(answer.headers["date"]) - here).total_seconds())
        if skew_s > SKEW_WATCH_S:
            state: State = "wrong" if skew_s > SKEW_WRONG_S else "watch"
            yield Finding(self.name, state, f"its clock and this one differ by {skew_s:.0f} s", "set both by NTP")


def remedy_of(why: str) -> str:
    """What to do about a reason a service gives."""
    if gap := GAP.search(why):
        service, part, seq = gap["service"], gap["part"], gap["seq"]
        return f"wayproof republish --service {service} --topic {gap['topic']} --partition {part} --from-seq {seq}"
    if "wait for the log" in why:
        return "it takes more again once the log has caught up; see why its relay cannot send"
    if "TopicMissing" in why or "TopicRefused" in why:
        return "wayproof topics makes what is missing and says what differs"
    if "log.kafka" in why or "caused by kafka" in why:
        return "no broker answers as it should; it goes on by itself once one does"
    if "Locked" in why or "StoreUnavailable" in why or "OperationalError" in why or "LogUnavailable" in why:
        return "its database is away, or a disk full, slow or not writable; it goes on by itself once that is mended"
    return "it tries again by itself; if it stays so, see the service's log"


def _supervised(data: Path) -> dict[str, Any]:
    try:
        services = json.loads((data / "up.json").read_bytes())["services"]
    except (OSError, ValueError, KeyError):
        return {}
    return services if isinstance(services, dict) else {}


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        said = answer.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
