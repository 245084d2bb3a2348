"""Seeded traffic sent by one thread a sender, each outcome into one ledger."""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.support.ledger.book import Ledger, Piece
from tests.support.office import Source
from tests.support.senders import Courier, NoAnswer, Stream, Webhooks
from tests.support.traffic import Delivery, Form, Lines


@dataclass
class Book:
    """What all senders were told: outcomes by source, receipts with the pieces they are for."""

    ledger: Ledger = field(default_factory=Ledger)
    told: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    receipts: dict[str, tuple[Piece, ...]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, source: Source, piece: Piece, outcome: str, evidence: str | None = None) -> None:
        """One outcome of one piece."""
        with self.lock:
            self.ledger.answered(piece, outcome, evidence)
            self.told[source.id][outcome] += 1


@dataclass
class SenderThread:
    """Sends its deliveries one after the other; the next only when the last was answered."""

    courier: Courier
    forms: Source
    lines: Source
    book: Book
    before: Callable[[], None] = lambda: None
    after: Callable[[int], None] = lambda pieces: None
    unanswered: list[Delivery] = field(default_factory=list)
    fault: BaseException | None = None

    def __post_init__(self) -> None:
        self._webhooks = Webhooks(self.courier, self.forms)
        self.stream = Stream(self.courier, self.lines)

    def run(self, deliveries: Iterable[Delivery]) -> None:
        """Until all are answered, or the sender is told to stop."""
        try:
            if not self.stream.id:
                self.stream.open()
            for delivery in deliveries:
                self.before()
                self.unanswered = [delivery]
                self._send(delivery)
                self.unanswered = []
                self.after(len(delivery.pieces))
        except NoAnswer:
            return
        except BaseException as fault:
            self.fault = fault
            raise

    def _send(self, delivery: Delivery) -> None:
        match delivery:
            case Form():
                self._send_form(delivery)
            case Lines():
                self._send_lines(delivery)

    def _send_form(self, form: Form) -> None:
        """A message that was taken before is answered with its first receipt; items are told apart there."""
        repeated, answer = self._webhooks.send(form.message, form.body)
        assert sum(answer["outcomes"].values()) == len(form.pieces)
        with self.book.lock:
            self.book.receipts[answer["receipt"]] = form.pieces
        outcome = "duplicate" if repeated else next(iter(answer["outcomes"]))
        assert len(answer["outcomes"]) == 1, answer
        for piece in form.pieces:
            self.book.note(self.forms, piece, outcome)

    def _send_lines(self, said: Lines) -> None:
        for piece, answer in zip(said.pieces, self.stream.send(said.lines, said.first), strict=True):
            self.book.note(self.lines, piece, answer["outcome"], answer.get("evidence"))


def in_threads(senders: Iterable[tuple[SenderThread, Iterable[Delivery]]]) -> list[threading.Thread]:
    """Started; the caller joins them."""
    threads = [threading.Thread(target=sender.run, args=[said], daemon=True) for sender, said in senders]
    for thread in threads:
        thread.start()
    return threads
