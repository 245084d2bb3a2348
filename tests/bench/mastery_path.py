"""The mastery path against the naive loop: the same stream, in this process, one thread each, taking turns."""

from pathlib import Path

from services.runtime.interpreter import spare_the_collector
from tests.bench.figure import Figure, median, spread, times
from tests.bench.judging import Shape, evidence_of, world_in
from tests.bench.naive import in_file, items_per_s
from tests.bench.site import folder_of

ROUNDS = 5
SHAPES = {  # ours, and the part of it that the naive loop is given: as many pieces a learner, fewer learners
    "40 pieces a learner": (Shape(250, 40), Shape(20, 40)),
    "250 pieces a learner": (Shape(40, 250), Shape(2, 250)),
}


def measure(folder: Path) -> list[Figure]:
    """One figure a shape."""
    return [
        _compare(name, ours, naive, folder_of(folder, f"shape-{number}"))
        for number, (name, (ours, naive)) in enumerate(SHAPES.items())
    ]


def _compare(name: str, shape: Shape, part: Shape, folder: Path) -> Figure:
    ours, naive = [], []
    for number in range(ROUNDS):
        ours.append(_ours(shape, folder_of(folder, f"ours-{number}")))
        naive.append(items_per_s(list(part.items()), in_file(folder_of(folder, f"naive-{number}") / "naive.db")))
    each = sorted(one / other for one, other in zip(ours, naive, strict=True))
    against = times(median(ours), median(naive), "the naive loop")
    notes = (
        f"Round by round {spread(each)} times; {median(ours):,.0f} evidence/s ({spread(ours)})"
        f" against {median(naive):,.0f} ({spread(naive)}), median of"
        f" {ROUNDS} rounds. {shape.pieces:,} pieces of {shape.learners} learners who take turns, on 8 competencies and"
        f" 2 requirements; the naive loop gets {part.pieces:,} of {part.learners} learners, which flatters it: its file"
        " stays small.",
        "Ours reads the embedded log, opens, checks, decides, chains, stores, and puts sealed thresholds in the outbox,"
        " synchronous=FULL; the naive loop is the library as shipped, and checks, seals, publishes nothing.",
    )
    return Figure(f"Mastery path, {name}", median(ours) / median(naive), "times", 10, against=against, notes=notes)


def _ours(shape: Shape, folder: Path) -> float:
    items = list(shape.items())
    world = world_in(folder)
    world.fill(items)
    spare_the_collector()  # as a service does at its start
    seconds = world.take()
    assert evidence_of(world) == len(items)
    world.service.close()
    return len(items) / seconds
