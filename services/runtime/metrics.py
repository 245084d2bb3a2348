"""What a service says of itself to Prometheus: counts from its stores, workers and answers; never a person's data.

What a store knows is read from the store when asked, so it is right after a restart. Labels are names of sources,
workers, topics, outcomes and statuses: sets that people register or programs fix, never what somebody sent.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from services.runtime.progress import progress
from services.runtime.telemetry import get_logger

__all__ = ["Measure", "Metric", "Metrics", "Sizes", "counter", "gauge"]

log = get_logger(__name__)

SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
Measure = Callable[[], Iterable[Metric]]
Samples = Iterable[tuple[Sequence[str], float]]  # the labels' values, and how many


def counter(name: str, said: str, labels: Sequence[str], samples: Samples) -> Metric:
    """Something that only grows."""
    return _family(CounterMetricFamily(f"wayproof_{name}", said, labels=labels), samples)


def gauge(name: str, said: str, labels: Sequence[str], samples: Samples) -> Metric:
    """Something that grows and shrinks."""
    return _family(GaugeMetricFamily(f"wayproof_{name}", said, labels=labels), samples)


class Sizes:
    """How many things went into each transaction of one thread; the number of transactions with it."""

    def __init__(self) -> None:
        self._counts = [0] * (len(SIZES) + 1)
        self._sum = 0

    def observe(self, size: int) -> None:
        """One transaction."""
        self._counts[bisect_left(SIZES, size)] += 1
        self._sum += size

    def buckets(self) -> tuple[list[tuple[str, float]], float]:
        """Cumulative, as Prometheus wants them, and the sum."""
        bounds = [*(f"{size}.0" for size in SIZES), "+Inf"]
        return list(zip(bounds, accumulate(self._counts), strict=True)), self._sum


class Metrics(Collector):
    """Everything one service has to say when it is asked."""

    def __init__(self, ready: Callable[[], Mapping[str, str]]) -> None:
        self._ready = ready
        self._workers: Sequence[Any] = ()
        self._own: Measure = tuple
        self._problems: Counter[int] = Counter()
        self._counting = threading.Lock()
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def watch(self, workers: Sequence[Any], own: Measure) -> None:
        """The workers that are asked what they do, and what else the service knows."""
        self._workers, self._own = workers, own

    def count_problem(self, status: int) -> None:
        """A request was refused or failed."""
        with self._counting:
            self._problems[status] += 1

    def collect(self) -> Iterator[Metric]:
        """A measure that fails leaves itself out and is counted: the rest is still worth having."""
        failed = 0
        for measure in (self._readiness, self._answers, self._pending, self._sizes, self._own, *self._measures()):
            try:
                yield from list(measure())
            except Exception as fault:
                failed += 1
                log.fault("not measured", fault)
        yield gauge("unmeasured", "Measures that could not be taken this time.", (), [((), failed)])

    def _readiness(self) -> Iterable[Metric]:
        wrong = self._ready()
        yield gauge("ready", "1 when the service can do its work.", (), [((), not wrong)])
        yield gauge("wrong", "What keeps the service from its work, by name.", ["what"], [([n], 1) for n in wrong])

    def _answers(self) -> Iterable[Metric]:
        with self._counting:
            samples = [([str(status)], count) for status, count in sorted(self._problems.items())]
        yield counter("problems", "Requests refused or failed since the start, by status.", ["status"], samples)

    def _pending(self) -> Iterable[Metric]:
        said = "What each worker still has to do: its lag; left out while its log does not say how far it is."
        known = [([name], count) for name, count in progress(self._workers).items() if count is not None]
        yield gauge("pending", said, ["worker"], known)

    def _sizes(self) -> Iterable[Metric]:
        said = "How much went into each transaction since the start; the count is the number of commits."
        family = HistogramMetricFamily("wayproof_commit_size", said, labels=["worker"])
        for worker in self._workers:
            if hasattr(worker, "sizes"):
                family.add_metric([worker.name], *worker.sizes.buckets())
        yield family

    def _measures(self) -> list[Measure]:
        return [worker.measures for worker in self._workers if hasattr(worker, "measures")]


def _family(family: CounterMetricFamily | GaugeMetricFamily, samples: Samples) -> Metric:
    for labels, value in samples:
        family.add_metric(list(labels), float(value))
    return family
