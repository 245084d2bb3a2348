"""From the stream door to durable standing: the Open University's results, and the memory the services hold."""

import json
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

from tests.bench import raw
from tests.bench.figure import Figure, median, spread, times
from tests.bench.memory import MIB, Memory, processor_s
from tests.bench.naive import Item, in_file
from tests.bench.naive import items_per_s as naive_items_per_s
from tests.bench.sending import Generator, request
from tests.bench.site import OULAD, Prepared, folder_of, open_university, rest, wait_for_standing
from tests.support.ledger.oulad import Assessments
from tests.support.office import Office
from tests.support.processes import SERVICES, running

ROUNDS, BATCH, STREAMS = 4, 500, 2
NAIVE_ITEMS = 1000
SPEED, MEMORY = "Stream door to durable standing", "Memory of the three services"


def measure(folder: Path) -> list[Figure]:
    """Rounds of ours, the naive loop and raw commits take turns; memory is watched through all of them."""
    with running(folder / "data") as system:
        office = Office(system)
        prepared, rows = open_university(office)
        ours, naive, bare = [], [], []
        used = {service: -processor_s(system.pid(service)) for service in SERVICES}
        with Memory([system.pid(service) for service in SERVICES]) as memory:
            for number in range(ROUNDS):
                said = rows[number::ROUNDS]
                ours.append(_send(prepared, said, folder_of(folder, f"load-{number}")))
                rest(office)
                naive.append(
                    naive_items_per_s(
                        _items(said, prepared), in_file(folder_of(folder, f"naive-{number}") / "naive.db")
                    )
                )
                bare.append(raw.commits_per_s(folder_of(folder, f"raw-{number}")))
        used = {service: 1e6 * (used[service] + processor_s(system.pid(service))) / len(rows) for service in SERVICES}
        assert office.outcomes(prepared.source) == {"accepted": len(rows)}
    return [_speed(ours, naive, bare, len(rows), used), _memory(memory, len(rows))]


def _send(prepared: Prepared, rows: list[dict[str, str]], folder: Path) -> float:
    """Evidence a second, from the first request until everything is decided on disk."""
    headers = {"authorization": f"Bearer {prepared.source.token}"}
    plan = [_requests(prepared.stream(), headers, rows[number::STREAMS]) for number in range(STREAMS)]
    sent = Generator(prepared.office.system.urls["ingest"], plan, folder).result()
    finished = wait_for_standing(prepared.office)
    assert set(sent.statuses) == {"200"}, sent.statuses
    return len(rows) / (finished - sent.started)


def _requests(path: str, headers: dict[str, str], rows: list[dict[str, str]]) -> list[bytes]:
    lines = [json.dumps(row).encode() for row in rows]
    return [
        request(f"{path}?first={first + 1}", headers, b"\n".join(lines[first : first + BATCH]))
        for first in range(0, len(lines), BATCH)
    ]


def _items(rows: list[dict[str, str]], prepared: Prepared) -> list[Item]:
    """The same evidence for the naive loop, already parsed, mapped and resolved."""
    assessments, items = Assessments(OULAD), []
    for row in rows[:NAIVE_ITEMS]:
        piece = assessments.piece(json.dumps(row).encode())
        learner, score = UUID(prepared.learners[piece.learner]), Decimal(row["score"] or 0)
        items.append(Item(learner, uuid4(), piece.competency, score))
    return items


def _speed(ours: list[float], naive: list[float], bare: list[float], rows: int, used: dict[str, float]) -> Figure:
    middle = median(ours)
    against = times(middle, median(naive), "the naive loop") + "; " + times(middle, median(bare), "raw one-row commits")
    notes = (
        f"OULAD's {rows:,} results of 11,747 learners (3.1 a learner), {len(ours)} rounds of {rows // len(ours):,}"
        f" over {STREAMS} connections in batches of {BATCH}; median of the rounds ({spread(ours)}).",
        "The clock runs from the first byte sent until mastery has decided everything and has it on disk.",
        f"Processor time a piece: {', '.join(f'{service} {spent:.0f} µs' for service, spent in used.items())}.",
        "Three services and the client share the cores. The naive loop parses, maps and resolves nothing.",
    )
    return Figure(SPEED, middle, "evidence/s", 5000, against=against, notes=notes)


def _memory(memory: Memory, rows: int) -> Figure:
    apart = ", ".join(f"{service} {held / MIB:.0f}" for service, held in zip(SERVICES, memory.apart, strict=True))
    notes = (
        f"The most held at one instant during {rows:,} results of 11,747 learners: proportional set size (a page that"
        f" is shared counts once). Resident set sizes, where it counts in each: {memory.resident / MIB:.0f} MB"
        f" ({apart}). The client is not in it.",
    )
    return Figure(MEMORY, memory.proportional / MIB, "MB", 400, at_most=True, notes=notes)
