"""Whatever is sent to whichever door: a clear refusal or quarantine, never a fault of ours, and nothing counted."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.answers import get, history_of
from tests.support.office import Office
from tests.support.processes import SERVICES, running, wait_for
from tests.support.watch import at_rest
from tests.system.bad_doors import MARK, STUDENT, Call, Door, Particular, Premises
from tests.system.bad_doors_more import ALL_DOORS, merge_twins
from tests.system.bad_inputs import TABLE, Bad, attempts, make, pieces
from tests.system.bad_interchanges import INTERCHANGES
from tests.system.bad_moves import MOVES
from tests.system.bad_packages import PACKAGES
from tests.system.bad_particulars import PARTICULARS as OTHERS
from tests.system.bad_rosters import ROSTERS
from tests.system.bad_statements import STATEMENTS
from tests.system.bad_tables import TABLES
from tests.system.wire import Answer, head_of, send

TIMES = 20
WARM = 3  # rounds until every worker thread has had the largest of it in hand
GROWTH_MAX_MIB = 64.0
TAKEN = {"accepted", "parked"}
COSTLY_EVERY = 5  # these take half of a round; one reader takes all bodies, and test_bombs sends it as many
COSTLY = {"gzip-bomb", "chunked-too-long", "length-says-more", "mapping: YAML of a million keys"}
HEADER_TIMEOUT_S, BODY_TIMEOUT_S = 2, 20.0
ATTEMPTS = attempts()
PARTICULARS = OTHERS + PACKAGES + STATEMENTS + TABLES + ROSTERS + MOVES + INTERCHANGES
serials = count(1)


@dataclass
class Watched:
    """The premises, and what must not change whatever is sent."""

    premises: Premises
    slow: dict[str, Answer | None] = field(default_factory=dict)
    threads: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.system = self.premises.office.system
        self.clients = {service: self.system.client(service) for service in SERVICES}
        self.records = self.premises.office.reader("mastery")
        self.held = self.record()

    def send(self, call: Call) -> Answer | None:
        """As it is, lies and all."""
        if call.declared is not None:
            return self._lie(call)
        content: Any = pieces(call.content) if call.chunked else call.content
        headers = [(name.encode(), value.encode("latin-1", "replace")) for name, value in call.headers]
        answer = self.clients[call.service].request(call.method, call.path, content=content, headers=headers)
        headers = answer.headers
        return Answer(
            answer.status_code, headers.get("content-type", ""), answer.content, headers.get("wayproof-receipt", "")
        )

    def _lie(self, call: Call) -> Answer | None:
        head = head_of(call.method, call.path, [*call.headers, ("content-length", str(call.declared))])
        return send(self.system.urls[call.service], head, [call.content], half_close=True)

    def record(self) -> tuple[Any, ...]:
        """What is known of the learner, and what every source got counted."""
        premises, ada = self.premises, self.premises.learners[STUDENT]
        sources = [premises.forms, premises.lines, premises.rows, premises.statements, premises.table]
        sources += [premises.events, premises.assessments]
        counted = [premises.office.outcomes(source) for source in sources]
        taken = [sum(n for outcome, n in said.items() if outcome in TAKEN) for said in counted]
        standing = get(self.records, f"/v1/learners/{ada}/standings", policy="team", known_at="2199-01-01")
        return taken, standing["policies"], history_of(self.records, ada)

    def nothing_counted(self) -> None:
        """Not even after everybody has dealt with everything."""
        wait_for(lambda: at_rest(self.system.data), 30, "the services are at rest")
        held, self.held = self.held, self.record()  # so that one failure is one
        assert self.held == held

    def memory_mib(self) -> dict[str, float]:
        """What each service holds resident now."""
        return {service: _resident_mib(self.system.pid(service)) for service in SERVICES}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """One system for all of it; slow senders are at it all the while."""
    folder = tmp_path_factory.mktemp("bad-input")
    with running(folder / "data", WAYPROOF_HEADER_TIMEOUT_S=str(HEADER_TIMEOUT_S)) as system:
        premises = Premises(Office(system)).prepare()
        merge_twins(premises)
        watched = Watched(premises)
        _start_slow_senders(watched)
        yield watched
        for thread in watched.threads:
            thread.join(BODY_TIMEOUT_S * 2)


@pytest.mark.parametrize("door", ALL_DOORS, ids=lambda door: door.name)
def test_the_same_request_unspoilt_is_taken(watched: Watched, door: Door) -> None:
    """What makes the refusals below mean something; for another learner where it is evidence."""
    serial = _serial()
    call = door.good(watched.premises, serial)
    is_evidence = bool({"message", "file", "table", "xml"} & door.tags)
    call = call.with_text(STUDENT.encode(), b"S-good") if is_evidence else call
    answer = watched.send(door.finish(watched.premises, call, serial))
    assert answer is not None
    assert answer.status in {200, 201, 202, 204}, answer
    if is_evidence:
        assert [fate.outcome for fate in _fates(watched, answer) if fate.outcome != "no_claim"] == ["accepted"]
        watched.held = watched.record()


@pytest.mark.parametrize(("door", "bad"), ATTEMPTS, ids=[f"{door.name}-{bad.name}" for door, bad in ATTEMPTS])
def test_bad_input_is_refused_or_set_aside_and_nothing_is_counted(watched: Watched, door: Door, bad: Bad) -> None:
    answer = watched.send(make(watched.premises, door, bad, _serial()))
    _judge(watched, answer, bad.at_field)


@pytest.mark.parametrize("particular", PARTICULARS, ids=lambda particular: particular.name)
def test_what_is_bad_at_one_door_only_is_refused_as_well(watched: Watched, particular: Particular) -> None:
    answer = watched.send(particular.make(watched.premises, _serial()))
    _judge(watched, answer, particular.at_field)


@pytest.mark.timeout(900)  # 39,000 requests
def test_each_of_it_twenty_times_takes_no_memory(watched: Watched) -> None:
    for _ in range(WARM):
        _send_everything(watched)
    warm = watched.memory_mib()
    for number in range(TIMES):
        _send_everything(watched, costly=number % COSTLY_EVERY == 0)
    watched.nothing_counted()
    grown = {service: now - warm[service] for service, now in watched.memory_mib().items()}
    print(f"inputs {len(TABLE) + len(PARTICULARS)}, requests {len(ATTEMPTS) + len(PARTICULARS)}, MiB grown {grown}")
    assert sum(max(0.0, each) for each in grown.values()) < GROWTH_MAX_MIB, grown
    assert watched.premises.office.system.state()["ingest"]["starts"] == 1


def test_slow_senders_are_told_so_or_hung_up_on(watched: Watched) -> None:
    for thread in watched.threads:
        thread.join(BODY_TIMEOUT_S * 2)
        assert not thread.is_alive(), thread.name
    told = {name: answer.status if answer else None for name, answer in watched.slow.items()}
    assert {name for name, status in told.items() if "headers" in name and status in {408, 431, None}} | {
        name for name, status in told.items() if "body" in name and status == 408
    } == set(told), told
    assert len(told) == SLOW_SENDERS
    watched.nothing_counted()


def test_no_value_that_was_sent_is_in_a_log_line(watched: Watched) -> None:
    assert "listening" in watched.system.output.read_text()
    assert MARK not in watched.system.output.read_text()


# ---- how an answer is judged


@dataclass(frozen=True)
class Fate:
    """What became of one item of what was taken in."""

    outcome: str
    reason: str | None
    pointer: str | None


SET_ASIDE = {"quarantined", "held", "no_claim", "conflict"}


def _judge(watched: Watched, answer: Answer | None, at_field: bool) -> None:
    if answer is not None:
        assert MARK.encode() not in answer.content, "what was sent is not said back"
        if answer.status < 300:
            _set_aside(_fates(watched, answer), at_field)
        else:
            _refused(answer, at_field)
    assert MARK not in watched.system.output.read_text(), "nor written down"
    watched.nothing_counted()


def _refused(answer: Answer, at_field: bool) -> None:
    """A problem document (RFC 9457) that says what is wrong and, where a member or parameter is, which."""
    assert 400 <= answer.status < 500, answer
    assert answer.media_type == "application/problem+json", answer
    said = answer.json()
    assert (said["status"], said["type"][:10]) == (answer.status, "/problems/")
    assert len(said["title"]) > 5
    if at_field:
        places = [said, *said.get("errors", [])]
        assert any(place.get("pointer") or place.get("name") for place in places), said


def _set_aside(fates: list[Fate], at_field: bool) -> None:
    assert {fate.outcome for fate in fates} <= SET_ASIDE, fates
    faults = [fate for fate in fates if fate.outcome == "quarantined"]
    assert faults, fates
    assert all(fate.reason and fate.pointer is not None for fate in faults), fates
    assert not at_field or any(fate.pointer for fate in faults), fates


def _fates(watched: Watched, answer: Answer) -> list[Fate]:
    """Of everything that was taken in, by the kind of answer."""
    if answer.media_type == "application/x-ndjson":
        lines = [httpx.Response(200, content=line).json() for line in answer.content.splitlines()]
        return [_fate(line) for line in lines if "outcome" in line]
    if answer.receipt:
        return _fates_of_receipt(watched, answer.receipt)
    said = answer.json()
    if "import" in said:
        return _fates_of_file(watched, said["import"])
    if "faults" in said:
        assert said["registered"] == said["linked"] == 0
        return [Fate("quarantined", fault["reason"], fault["pointer"]) for fault in said["faults"]]
    assert "receipt" in said, "it was taken for good"
    return _fates_of_receipt(watched, said["receipt"])


def _fates_of_receipt(watched: Watched, receipt: str) -> list[Fate]:
    office = watched.premises.office
    return [_fate(item) for item in office.call("ingest", office.auditor, "GET", f"/v1/receipts/{receipt}")["items"]]


def _fates_of_file(watched: Watched, file: str) -> list[Fate]:
    office = watched.premises.office

    def state() -> Any:
        return office.call("ingest", office.auditor, "GET", f"/v1/imports/{file}")

    wait_for(lambda: state()["state"] in {"done", "refused"}, 30, "the file is settled")
    if state()["state"] == "refused":  # what only shows further down than one looks while the sender waits
        assert MARK not in state()["refused"]
        return [Fate("quarantined", state()["refused"], "/")]
    return _fates_of_receipt(watched, state()["receipt"])


def _fate(said: dict[str, Any]) -> Fate:
    return Fate(said["outcome"], said.get("reason"), said.get("pointer"))


def _send_everything(watched: Watched, *, costly: bool = True) -> None:
    """Once; what is wrong with an answer is another test's matter, save a fault of ours."""
    for door, bad in ATTEMPTS:
        if costly or bad.name not in COSTLY:
            _no_fault(watched.send(make(watched.premises, door, bad, _serial())))
    for particular in PARTICULARS:
        if costly or particular.name not in COSTLY:
            _no_fault(watched.send(particular.make(watched.premises, _serial())))


def _no_fault(answer: Answer | None) -> None:
    assert answer is None or answer.status < 500, answer


def _serial() -> str:
    return f"n-{next(serials)}"


def _resident_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


# ---- slow senders, at it in the background


def _start_slow_senders(watched: Watched) -> None:
    for name, act in _slow_senders(watched).items():
        thread = threading.Thread(target=lambda name=name, act=act: watched.slow.update({name: act()}), name=name)
        thread.daemon = True
        thread.start()
        watched.threads.append(thread)


def _slow_senders(watched: Watched) -> dict[str, Callable[[], Answer | None]]:
    urls, half = watched.system.urls, b"POST /v1/webhooks/x HTTP/1.1\r\nHost: w\r\nX-Slow: "
    senders: dict[str, Callable[[], Answer | None]] = {}
    for service, url in urls.items():
        senders[f"{service}: headers a byte at a time"] = lambda url=url: send(url, half, [b"z"] * 100, 0.2)  # type: ignore[misc]
        senders[f"{service}: headers never begun"] = lambda url=url: send(url, b"", [b""] * 100, 0.2)  # type: ignore[misc]
    senders["ingest: headers without end"] = lambda: send(urls["ingest"], half, [b"z" * 4096] * 100, 0.02)
    for door in ALL_DOORS:
        if door.name in {"webhook", "stream", "observation", "policy", "achievement"}:
            senders[f"{door.name}: body a byte at a time"] = _slow_body(watched, door)
    return senders


def _slow_body(watched: Watched, door: Door) -> Callable[[], Answer | None]:
    serial = _serial()
    call = door.finish(watched.premises, door.good(watched.premises, serial), serial)
    head = head_of(call.method, call.path, [*call.headers, ("content-length", str(len(call.content)))])
    pieces = [call.content[at : at + 1] for at in range(len(call.content) - 1)]
    return lambda: send(watched.system.urls[call.service], head, pieces, 0.4)


SLOW_SENDERS = 3 * 2 + 1 + 5
