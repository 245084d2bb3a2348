"""Any sequence of bulk and delta packages, asked about or not, counts what a dictionary would; kills change nothing."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ingest.house import TEAM, House
from tests.ingest.package_world import Packages
from tests.support.packages import GONE, Level, Result, results_package

COUNT_MAX, PERCENT_MAX = 2, 50
RESULTS = ("r-1", "r-2", "r-3")
LEVELS = {"l-1": "r-1", "l-2": "r-1", "l-3": "r-2", "l-4": "r-3", "l-5": "r-3"}  # whose each level is
DAYS = ("2026-11-01", "2026-11-02")
Book = tuple[dict[str, str], dict[str, int]]  # the day of each result, the score of each level


@dataclass(frozen=True)
class Sent:
    """A package: of a complete one everything it has; of a delta what changed, None where it is deleted."""

    complete: bool
    results: dict[str, str | None]
    levels: dict[str, int | None]

    def raw(self) -> bytes:
        results = {id_: GONE if day is None else Result(on=day) for id_, day in self.results.items()}
        levels = {id_: GONE if score is None else Level(LEVELS[id_], TEAM, score) for id_, score in self.levels.items()}
        return results_package(results, levels, "bulk" if self.complete else "delta")


@dataclass
class Naive:
    """What should count, and which packages should wait: dictionaries and a list."""

    results: dict[str, str] = field(default_factory=dict)
    levels: dict[str, int] = field(default_factory=dict)
    waiting: list[tuple[int, Sent]] = field(default_factory=list)

    def counted(self) -> dict[str, tuple[str, str]]:
        return {id_: (str(score), self.results[LEVELS[id_]]) for id_, score in self.levels.items()}

    def send(self, number: int, sent: Sent) -> None:
        if (self.waiting and not sent.complete) or self.asks(sent):
            self.waiting.append((number, sent))
        else:
            self.waiting.clear()
            self.apply(sent)

    def asks(self, sent: Sent) -> bool:
        missing = len(self.levels.keys() - sent.levels.keys()) if sent.complete else 0
        return missing > COUNT_MAX or missing * 100 > PERCENT_MAX * len(self.levels)

    def decide(self, number: int, confirmed: bool) -> bool:
        """False when it does not ask: it stands behind another."""
        place = [each for each, _ in self.waiting].index(number)
        sent = self.waiting[place][1]
        if not sent.complete:
            return False
        if confirmed:
            self.apply(sent)
        after = self.waiting[place + 1 :]
        self.waiting = ([] if confirmed else self.waiting[:place]) + []
        for each in after:
            self.send(*each) if not each[1].complete else self.keep(*each)
        return True

    def keep(self, number: int, sent: Sent) -> None:
        """One that asks goes on asking, also when by now it would not have to."""
        self.waiting.append((number, sent))

    def apply(self, sent: Sent) -> None:
        if sent.complete:
            self.results = {id_: day for id_, day in sent.results.items() if day is not None}
            self.levels = {id_: score for id_, score in sent.levels.items() if score is not None}
            return
        for id_, day in sent.results.items():
            self.results.pop(id_, None)
            if day is not None:
                self.results[id_] = day
        self.levels = {id_: score for id_, score in self.levels.items() if LEVELS[id_] in self.results}
        for id_, score in sent.levels.items():
            if score is None:
                self.levels.pop(id_, None)
            elif LEVELS[id_] in self.results:
                self.levels[id_] = score


days, scores = st.sampled_from(DAYS), st.integers(0, 3)


@st.composite
def complete(draw: st.DrawFn) -> Sent:
    """Its levels are of results it has."""
    results = draw(st.dictionaries(st.sampled_from(RESULTS), days))
    there = sorted(id_ for id_, of in LEVELS.items() if of in results)
    levels = draw(st.dictionaries(st.sampled_from(there), scores)) if there else {}
    return Sent(True, dict(results), dict(levels))


deltas = st.builds(
    Sent,
    st.just(False),
    st.dictionaries(st.sampled_from(RESULTS), st.none() | days, max_size=2),
    st.dictionaries(st.sampled_from(sorted(LEVELS)), st.none() | scores, max_size=3),
)
words = st.tuples(st.integers(0, 3), st.booleans())  # which of those that wait, and whether it is confirmed


@pytest.fixture(scope="module")
def shared() -> Iterator[House]:
    """One service; every example uses a source of its own."""
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder), settings={"removals_max": COUNT_MAX, "removals_max_percent": PERCENT_MAX})
        house.publish_catalogue()
        house.learner("100")
        yield house
        house.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(complete() | deltas | words, min_size=1, max_size=8))
def test_any_sequence_counts_what_a_dictionary_would(shared: House, steps: list[Sent | tuple[int, bool]]) -> None:
    sis, naive, ids = Packages(shared, f"s{shared.count('source')}"), Naive(), list[str]()
    for step in steps:
        if isinstance(step, Sent):
            dry = sis.try_out(step.raw())
            before = bool(naive.waiting)
            said = sis.settle(step.raw())
            ids.append(said["import"])
            naive.send(len(ids) - 1, step)
            if said["state"] == "done" and not before:
                assert dry == {name: said[name] for name in dry}
        elif naive.waiting:
            number, _ = naive.waiting[step[0] % len(naive.waiting)]
            answer = sis.decide(ids[number], "confirm" if step[1] else "reject")
            assert answer.status_code == (201 if naive.decide(number, step[1]) else 409)
            sis.rest()
        assert sis.counted() == naive.counted()
        waiting = {ids[number] for number, _ in naive.waiting}
        assert waiting == {id_ for id_ in ids if sis.told(id_)["state"] in {"needs-confirmation", "behind"}}
    for id_ in ids:
        said = sis.told(id_)
        if said["state"] not in {"needs-confirmation", "behind"}:
            items = shared.receipt(said["receipt"])["items"]
            assert [item["item"] for item in items] == list(range(sum(said["outcomes"].values())))
            assert len(items) >= said["rows_total"] == said["rows_done"]
