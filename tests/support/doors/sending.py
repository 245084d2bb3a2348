"""One sender's deliveries, each to its door, the next when the last was answered; what was heard into one book."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.support.doors import wording
from tests.support.doors.clumsy import Clumsy
from tests.support.doors.traffic import Delivery, Door
from tests.support.ledger.chronicle import Chronicle, Said
from tests.support.office import Source
from tests.support.senders import Stream, Webhooks

LOOK_S = 0.05
SETTLED_WITHIN_S = 120.0
OBSERVATIONS = "observations"


@dataclass(frozen=True)
class Premises:
    """Where deliveries go: a source a door, and a teacher's key."""

    forms: Source
    lines: Source
    statements: Source
    packages: Source
    tables: Source
    teacher: str


@dataclass
class Book:
    """What all senders said, and the receipts they hold with what each is for."""

    chronicle: Chronicle = field(default_factory=Chronicle)
    receipts: dict[str, tuple[Said, ...]] = field(default_factory=dict)
    resumed: int = 0  # requests of lines of which the sender found out that they had been taken
    lock: threading.Lock = field(default_factory=threading.Lock)

    def acknowledged(self, source: str, said: Sequence[Said], receipt: str | None = None) -> list[bool]:
        """A delivery was answered."""
        with self.lock:
            if receipt is not None:
                self.receipts.setdefault(receipt, tuple(said))
            return self.chronicle.acknowledged(source, said)

    def learned(self, record: str, evidence: str) -> None:
        """Which evidence a record is."""
        with self.lock:
            self.chronicle.learned(record, evidence)


@dataclass
class DoorSender:
    """A thread's work."""

    courier: Clumsy
    premises: Premises
    book: Book
    before: Callable[[], None] = lambda: None
    after: Callable[[int], None] = lambda pieces: None
    fault: BaseException | None = None

    def __post_init__(self) -> None:
        self._webhooks = Webhooks(self.courier, self.premises.forms)
        self._stream = Stream(self.courier, self.premises.lines)

    def run(self, deliveries: Iterable[Delivery]) -> None:
        """Until all are answered."""
        try:
            self._stream.open()
            for delivery in deliveries:
                self.before()
                self._send(delivery)
                self.after(len(delivery.said))
        except BaseException as fault:
            self.fault = fault
            raise

    def _send(self, delivery: Delivery) -> None:
        match delivery.door:
            case Door.FORM:
                self._form(delivery)
            case Door.LINES:
                self._lines(delivery)
            case Door.STATEMENTS:
                self._statements(delivery)
            case Door.STATEMENT:
                self._statement(delivery)
            case Door.OBSERVATION:
                self._observation(delivery)
            case Door.PACKAGE:
                self._file(delivery, self.premises.packages, wording.package(delivery.said))
            case Door.TABLE:
                self._file(delivery, self.premises.tables, wording.sheet(delivery.said))

    def _form(self, form: Delivery) -> None:
        _, answer = self._webhooks.send(form.name, wording.form(form.said))
        assert set(answer["outcomes"]) <= {"accepted", "duplicate"}, answer
        assert sum(answer["outcomes"].values()) == len(form.said)
        self.book.acknowledged(self.premises.forms.id, form.said, answer["receipt"])

    def _lines(self, lines: Delivery) -> None:
        """From the line that is wanted next, where the sender lost its connection before it was answered."""
        bodies = [wording.line(each) for each in lines.said]
        taken = self._lost(lines, bodies) if self.courier.stumbles() else 0
        self._heard_lines(lines.said[taken:], self._stream.send(bodies[taken:], lines.first + taken))

    def _lost(self, lines: Delivery, bodies: Sequence[bytes]) -> int:
        """How many of the lines were taken by a request of which nothing was heard: all or, if it was cut, none."""
        fresh, key = lines.first == self._stream.next_line, _headers(self.premises.lines.token)
        path = f"/v1/streams/{self._stream.id}"
        whole = self.courier.stumble("POST", f"{path}/lines?first={lines.first}", b"\n".join(bodies), key)
        wanted = self.courier.ask("GET", path, b"", lambda: key).json()["next_line"]
        if not fresh:
            assert wanted == self._stream.next_line, "what was sent before moves nothing"
            return 0
        assert wanted in ({lines.first, lines.first + len(bodies)} if whole else {lines.first}), (wanted, lines.first)
        if wanted == lines.first:
            return 0
        self.book.acknowledged(self.premises.lines.id, lines.said)
        self.book.resumed += 1
        return len(bodies)

    def _heard_lines(self, said: Sequence[Said], outcomes: Sequence[dict[str, Any]]) -> None:
        new = self.book.acknowledged(self.premises.lines.id, said)
        for each, outcome, accepted in zip(said, outcomes, new, strict=True):
            assert outcome["outcome"] in ({"accepted", "duplicate"} if accepted else {"duplicate"}), (outcome, each)
            if outcome["outcome"] == "accepted":
                self.book.learned(each.record, outcome["evidence"])

    def _statements(self, batch: Delivery) -> None:
        body = json.dumps([wording.statement(each) for each in batch.said]).encode()
        answer = self.courier.post("/xapi/statements", body, self._xapi)
        ids = answer.json()
        assert [id_ for id_, each in zip(ids, batch.said, strict=True) if each.statement] == [
            each.statement for each in batch.said if each.statement
        ]
        self.book.acknowledged(self.premises.statements.id, batch.said)

    def _statement(self, put: Delivery) -> None:
        (said,) = put.said
        path = f"/xapi/statements?statementId={quote(said.statement)}"
        answer = self.courier.ask("PUT", path, json.dumps(wording.statement(said)).encode(), self._xapi)
        assert answer.status_code == 204
        self.book.acknowledged(self.premises.statements.id, put.said)

    def _observation(self, seen: Delivery) -> None:
        def headers() -> dict[str, str]:
            return _headers(self.premises.teacher) | {"Idempotency-Key": seen.name}

        answer = self.courier.post("/v1/observations", wording.observation(seen.said[0]), headers).json()
        self.book.acknowledged(OBSERVATIONS, seen.said, answer["receipt"])

    def _file(self, file: Delivery, source: Source, raw: bytes) -> None:
        """Its rows are settled after the answer: what follows waits for them."""

        def headers() -> dict[str, str]:
            return _headers(source.token, "application/octet-stream") | {"Idempotency-Key": file.name}

        taken = self.courier.post(f"/v1/files/{source.id}", raw, headers).json()
        deadline = time.monotonic() + SETTLED_WITHIN_S
        while (said := self._progress(source, taken["import"]))["state"] != "done":
            assert said["state"] != "refused", said
            assert time.monotonic() < deadline, "the file is not settled in time"
            time.sleep(LOOK_S)
        assert not said["faults"], said["faults"][:3]
        self.book.acknowledged(source.id, file.said)

    def _progress(self, source: Source, import_id: str) -> dict[str, Any]:
        said: dict[str, Any] = self.courier.ask(
            "GET", f"/v1/imports/{import_id}", b"", lambda: _headers(source.token)
        ).json()
        return said

    def _xapi(self) -> dict[str, str]:
        return _headers(self.premises.statements.token) | {"X-Experience-API-Version": "1.0.3"}


def _headers(key: str, media_type: str = "application/json") -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", "Content-Type": media_type}


def in_threads(senders: Iterable[tuple[DoorSender, Iterable[Delivery]]]) -> list[threading.Thread]:
    """Started; the caller joins them."""
    threads = [threading.Thread(target=sender.run, args=[said], daemon=True) for sender, said in senders]
    for thread in threads:
        thread.start()
    return threads
