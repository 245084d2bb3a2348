"""One learner of many events, replayed for any pair of dates with nothing in memory."""

import random
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from services.mastery.main import Wiring
from services.mastery.settings import MasterySettings
from services.mastery.storage.partitions import MASTERY_MIGRATIONS
from services.mastery.use_cases.answer import Question
from services.runtime.clock import from_micros
from services.runtime.interpreter import spare_the_collector
from services.runtime.store.sqlite import SqliteDatabase
from services.runtime.stored_keys import SqliteKeyStore
from tests.bench.figure import Figure, median
from tests.bench.judging import FIRST_DAY, PERIOD, EmbeddedWorld, Shape, evidence_of, world_in
from tests.bench.naive import get_ms
from tests.bench.site import folder_of
from tests.mastery.world import TENANT

SHAPE = Shape(learners=1, each=5000)
PAIRS, SEED = 20, 20261123


def measure(folder: Path) -> list[Figure]:
    """Pairs of dates at random, and at the end one as of the last of them, which reads everything."""
    world = world_in(folder)
    world.fill(list(SHAPE.items()))
    world.take()
    assert evidence_of(world) == SHAPE.pieces
    questions = _questions(world)
    world.service.close()
    spare_the_collector()  # as a service does at its start; what earlier parts left is not looked through again
    any_pair, whole, library = [], [], []
    for number, question in enumerate(questions):  # in turns
        any_pair.append(_cold_ms(world, question))
        whole.append(_cold_ms(world, Question(tenant=TENANT, learner=question.learner)))
        if number % 4 == 0:
            library.append(get_ms(list(SHAPE.items()), folder_of(folder, f"library-{number}")))
    return [_figure(any_pair, whole, library)]


def _questions(world: EmbeddedWorld) -> list[Question]:
    """Known at the instant of an event picked at random, as of any instant of the period."""
    chance, learner = random.Random(SEED), next(SHAPE.items()).learner
    stamps = world.rows("SELECT recorded_at FROM event WHERE stream = ?", learner.bytes)
    return [
        Question(
            tenant=TENANT,
            learner=learner,
            as_of=FIRST_DAY + timedelta(seconds=chance.uniform(0, PERIOD.total_seconds())),
            known_at=from_micros(chance.choice(stamps)),
        )
        for _ in range(PAIRS)
    ]


def _cold_ms(world: EmbeddedWorld, question: Question) -> tuple[float, float]:
    """By the clock, and of processor time. All is read anew; only pages of the file may be in the system's memory."""
    with (
        closing(SqliteDatabase(world.folder / "mastery" / "mastery.db", MASTERY_MIGRATIONS)) as database,
        closing(SqliteKeyStore(world.folder / "keys")) as keys,
    ):
        wiring = Wiring(database, keys, world.clock, MasterySettings(data_dir=world.folder))
        use_cases = wiring.use_cases()
        started, used = time.perf_counter(), time.thread_time()
        answer = use_cases.standings(question)
        took = time.perf_counter() - started, time.thread_time() - used
    assert len(answer.policies) == 1
    return took[0] * 1000, took[1] * 1000


def _figure(any_pair: list[tuple[float, float]], whole: list[tuple[float, float]], library: list[float]) -> Figure:
    took, of_now = sorted(ms for ms, _ in any_pair), median(ms for ms, _ in whole)
    middle, slow = median(took), took[int(len(took) * 0.95)]
    notes = (
        f"Standings of one learner of {SHAPE.pieces:,} pieces of evidence at {PAIRS} random pairs of dates (as of,"
        f" known at): p50 {middle:.0f} ms, p95 {slow:.0f} ms, processor time {median(ms for _, ms in any_pair):.0f} ms;"
        f" of now, which folds every event: {of_now:.0f} ms, processor time {median(ms for _, ms in whole):.0f} ms.",
        "Each question is put to objects made for it alone: the chain of the whole stream is verified, the policy"
        " compiled, and opened what was known by then, but for evidence shown after the date asked about. The library"
        " reads as many events, unsealed and unchained, of now alone.",
    )
    of_library = median(library)
    against = f"{of_now / of_library:.2f} of the library's repository.get of as many ({of_library:.0f} ms), of now"
    measure = "One learner of 5,000 replayed cold, p50"
    return Figure(measure, middle, "ms", 50, at_most=True, against=against, notes=notes)
