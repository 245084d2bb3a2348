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
from services.runtime.keys import SqliteKeyStore
from services.runtime.store.sqlite import Database
from tests.bench.figure import Figure
from tests.bench.judging import FIRST_DAY, PERIOD, EmbeddedWorld, Shape, evidence_of, world_in
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
    any_pair = sorted(_cold_ms(world, question) for question in questions)
    whole = sorted(_cold_ms(world, Question(tenant=TENANT, learner=questions[0].learner)) for _ in range(PAIRS))
    return [_figure(any_pair, whole)]


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


def _cold_ms(world: EmbeddedWorld, question: Question) -> float:
    """Store, keys, documents and policies are read anew; only the pages of the file may be in the system's memory."""
    with (
        closing(Database(world.folder / "mastery" / "mastery.db", MASTERY_MIGRATIONS)) as database,
        closing(SqliteKeyStore(world.folder / "keys")) as keys,
    ):
        wiring = Wiring(database, keys, world.clock, MasterySettings(data_dir=world.folder))
        use_cases = wiring.use_cases()
        started = time.perf_counter()
        answer = use_cases.standings(question)
        took_ms = (time.perf_counter() - started) * 1000
    assert len(answer.policies) == 1
    return took_ms


def _figure(took_ms: list[float], whole_ms: list[float]) -> Figure:
    middle, slow = took_ms[len(took_ms) // 2], took_ms[int(len(took_ms) * 0.95)]
    notes = (
        f"Standings of one learner of {SHAPE.pieces:,} pieces of evidence at {PAIRS} random pairs of dates (as of,"
        f" known at): p50 {middle:.0f} ms, p95 {slow:.0f} ms; of now, which folds every event: p50"
        f" {whole_ms[len(whole_ms) // 2]:.0f} ms. Each question is put to objects made for it alone: the chain of the"
        " whole stream is verified, bodies opened, the policy compiled.",
    )
    return Figure("One learner of 5,000 replayed cold, p50", middle, "ms", 50, at_most=True, notes=notes)
