"""`python -m tests.simulation --seeds 2000`: runs seeds, prints what was exercised, exits 1 with the seeds that failed.

`--first N --seeds 1` (or `make simulate FIRST=N SEEDS=1`) plays one again and prints its trace.
"""

import argparse
import resource
import sys
import time
from collections import Counter

from tests.simulation.sweep import play, sweep

SHOWN_MAX = 20


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--processes", type=int, default=2, help="how many run at once")
    said = parser.parse_args()
    return _one(said.first) if said.seeds == 1 else _many(said.first, said.seeds, said.processes)


def _one(seed: int) -> int:
    outcome = play(seed)
    for number, action in enumerate(outcome.trace):
        print(f"{number:4} {action}")
    print(f"seed {seed}, digest {outcome.digest}: {outcome.broken or 'every promise held'}")
    return 1 if outcome.broken else 0


def _many(first: int, seeds: int, processes: int) -> int:
    counts: Counter[str] = Counter()
    begun, failed = time.monotonic(), 0
    for outcome in sweep(range(first, first + seeds), processes):
        counts.update(outcome.counts)
        if outcome.broken:
            failed += 1
            if failed <= SHOWN_MAX:
                print(f"make simulate FIRST={outcome.seed} SEEDS=1: {outcome.broken}", flush=True)
    took, used = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    each_ms = 1000 * (used.ru_utime + used.ru_stime) / seeds
    print(f"{seeds} seeds in {took:.0f} s, {each_ms:.0f} ms of processor each, {failed} failed")
    for what, count in counts.most_common():
        print(f"{count:9,} {what}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
