"""Many seeds, a few processes: what failed and with which seed, and what was put to the test on the way."""

import gc
import logging
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from multiprocessing import get_context

from tests.simulation.run import Run
from tests.simulation.smaller import smaller
from tests.simulation.template import template

CHUNK = 10
GARBAGE_MIN = 50_000  # objects made before garbage is looked for
Mutation = Callable[[], AbstractContextManager[object]]


@dataclass
class Outcome:
    """What became of one seed."""

    seed: int
    digest: str = ""
    broken: str | None = None
    counts: Counter[str] = field(default_factory=Counter)
    trace: list[str] = field(default_factory=list)


def play(seed: int, mutation: Mutation = nullcontext) -> Outcome:
    """One run from its first action to its last check; whatever is wrong is in `broken`."""
    logging.disable(logging.CRITICAL)  # there is trouble all the time
    outcome, run = Outcome(seed), Run(seed)
    try:
        with smaller(), mutation():
            run.play()
            run.verify()
    except Exception as fault:
        outcome.broken = f"{type(fault).__name__}: {fault}"
        if not isinstance(fault, AssertionError):
            outcome.broken += "\n" + "".join(traceback.format_tb(fault.__traceback__)[-6:])
    finally:
        outcome.counts = run.counts + run.world.trouble.counts
        outcome.digest, outcome.trace = run.digest(), run.trace
        run.close()
        logging.disable(logging.NOTSET)
    return outcome


def _without_trace(seed: int) -> Outcome:
    outcome = play(seed)
    outcome.trace = []
    return outcome


def _collect_less() -> None:
    """What was imported stays; a run leaves little garbage behind that refers to itself."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_MIN, 20, 20)


def sweep(seeds: Iterable[int], processes: int) -> Iterator[Outcome]:
    """Every seed's outcome, as they come."""
    if processes == 1:
        yield from map(_without_trace, seeds)
        return
    template()  # before there is a second process: they share it
    with get_context("fork").Pool(processes, _collect_less) as pool:
        yield from pool.imap_unordered(_without_trace, seeds, CHUNK)
        pool.close()
        pool.join()  # so that what they used is known


def until_caught(mutation: Mutation, seeds: Iterable[int]) -> Outcome | None:
    """The first seed at which the mutated services are found out."""
    return next((outcome for seed in seeds if (outcome := play(seed, mutation)).broken), None)
