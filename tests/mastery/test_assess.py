"""From the log to stored facts, thresholds and what the other services are told."""

import time
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

from contracts.catalogue_v1 import ScaleLevel
from contracts.events import INGEST_LEARNER, MASTERY_LEARNER
from contracts.mastery_v1 import AchievedLevel, LevelLostV1, LevelReachedV1, RequirementLapsedV1, RequirementMetV1
from services.mastery.domain.learner_record import LearnerRecord
from services.mastery.domain.thresholds import Achieved
from services.mastery.publishing import Stated
from services.mastery.storage.controls import Controls
from services.mastery.storage.drafts import Draft
from services.mastery.storage.records import Held, Looks, RecordCache
from services.runtime.log.port import LogRecord, Outgoing
from services.runtime.store.database import StoreUnavailable
from services.runtime.store.partition import StoredPartition
from services.runtime.store.port import Fenced
from tests.mastery import sample
from tests.mastery.world import LEARNER, OTHER, PARTITIONS, TENANT, World, accepted, registered, retracted, revised
from tests.support.given import evidence, uid

POLICY = sample.document(
    {"C1": {"estimate": {"method": "highest"}}, "C2": {"estimate": {"method": "latest"}}},
    {"both": {"all_of": [{"leaf": "C1"}, {"leaf": "C2"}]}},
    policy={"effective_from": "2026-07-01"},
)
EVENTS = "SELECT topic, stream, ver, body FROM event ORDER BY part, seq"


@pytest.fixture
def judged(world: World) -> World:
    world.put(POLICY)
    world.send(registered(), registered(OTHER))
    world.settle()
    return world


def test_evidence_is_stored_evaluated_and_published(judged: World) -> None:
    judged.send(accepted("e1", "C1", "3"), accepted("e2", "C2", "4"))
    judged.settle()
    assert judged.history() == [
        "learner-admitted",
        "policy-adopted",
        "evidence-recorded",
        "level-reached",
        "evidence-recorded",
        "level-reached",
        "requirement-met",
    ]
    first, second, both = judged.published()
    assert isinstance(first, LevelReachedV1)
    assert isinstance(second, LevelReachedV1)
    assert isinstance(both, RequirementMetV1)
    assert (first.cause, first.caused_by, first.cycle) == ("evidence", uid("e1"), 1)
    (policy,) = judged.about("standings")["policies"]
    assert [found["result"] for found in policy["competencies"]] == ["met", "met"]
    assert policy["requirements"] == [{"name": "both", "result": "met"}]


def test_a_requirement_met_carries_all_that_a_credential_states(judged: World) -> None:
    judged.send(accepted("e1", "C1", "3"), accepted("e2", "C2", "4"))
    judged.settle()
    met = judged.published()[-1]
    assert isinstance(met, RequirementMetV1)
    assert met.evidence == (uid("e1"), uid("e2"))
    assert [document.kind for document in met.documents] == ["policy", "framework", "scale"]
    one, two = met.achieved
    assert (one.framework_title, one.statement, one.competency, one.code) == ("Skills", "Does C1.", "id-C1", "C1")
    assert two.level is not None
    assert (two.level.code, two.level.name, two.level.points) == ("4", "Extending", "4")
    assert [level.code for level in two.scale_levels] == ["1", "2", "3", "4"]
    assert (two.value, two.required, two.evidence) == ("4", "3", (uid("e2"),))


def test_what_is_published_are_the_bytes_its_model_would_write(judged: World) -> None:
    """Written without the model, for speed: fields, their order and their form must be the model's all the same."""
    merged = accepted("e5", "C1", "2", occurred="2026-09-05", moved_from=uid("e0"))
    judged.send(accepted("e1", "C1", "3", occurred="2026-09-02"), accepted("e2", "C2", "4"), retracted("r1", "e1"))
    judged.send(merged, revised("e6", "e5", "C1", "4", occurred="2026-09-05"))
    judged.settle()
    values = judged.rows("SELECT value FROM outbox WHERE topic = ?", MASTERY_LEARNER)
    sealed = [judged.ingest.parse(value) for value in values]
    events = [judged.ingest.open(envelope) for envelope in sealed]
    assert {type(event) for event in events} == {LevelReachedV1, LevelLostV1, RequirementMetV1, RequirementLapsedV1}
    assert [event.model_dump_json().encode() for event in events] == [judged.ingest.plain(each) for each in sealed]


def test_what_a_competency_is_and_its_levels_are_written_as_the_model_writes_them() -> None:
    """Also beyond ASCII, with what JSON escapes, without the levels of a scale, and at a level it does not have."""
    levels = (ScaleLevel(code="a", name='"é"\n', points="1"), ScaleLevel(code="b", name="b", points="2", uri="urn:b"))
    said: dict[str, Any] = {"framework": "f", "framework_title": "Ü\t", "competency": "c", "code": "{}", "uri": None}
    said |= {"framework_uri": "urn:f", "statement": "says, “so”\u2028", "scale": "s", "scale_version": 2}
    for known, level in ((levels, "a"), (levels, "b"), (levels, None), ((), "a")):
        reached = Achieved(
            framework="f", competency="c", code="{}", scale="s", scale_version=2, level=level, value="1.5",
            required="1", evidence=(uid("e1"), uid("e2")), evidence_count=30,
        )  # fmt: skip
        model = AchievedLevel(
            **said, scale_levels=known, level=next((one for one in known if one.code == level), None), value="1.5",
            required="1", evidence=reached.evidence, evidence_count=30,
        )  # fmt: skip
        written = orjson.dumps(Stated.of(**said, scale_levels=known).with_result(reached))
        assert written == model.model_dump_json().encode()


def test_a_public_threshold_points_at_its_event_in_the_journal(judged: World) -> None:
    judged.send(accepted("e1"))
    judged.settle()
    reached = judged.published()[0]
    assert isinstance(reached, LevelReachedV1)
    select = "SELECT topic, recorded_at FROM event WHERE part = ? AND seq = ?"
    ((topic, recorded_at),) = judged.rows(select, reached.position.partition, reached.position.seq)
    assert topic == "mastery.level-reached.v1"
    assert recorded_at == reached.recorded_at.timestamp() * 1_000_000


def test_what_ingest_sealed_is_stored_byte_for_byte(judged: World) -> None:
    judged.send(accepted("e1"))
    judged.settle()
    (body,) = judged.rows("SELECT body FROM event WHERE topic = 'mastery.evidence-recorded.v1'")
    sent = [record.value for record in _log(judged)]
    assert body in sent


def test_evidence_delivered_twice_changes_nothing(judged: World) -> None:
    judged.send(accepted("e1"), accepted("e2", "C2"))
    judged.settle()
    before, told = judged.rows(EVENTS), judged.published()
    repeats = [Outgoing(record.partition, record.seq, record.key, record.value) for record in _log(judged)]
    judged.log.writer(INGEST_LEARNER, "ingest").append(repeats)
    judged.settle()
    judged.restart()
    judged.settle()
    assert judged.rows(EVENTS) == before
    assert judged.published() == told


def test_the_same_event_under_a_new_seq_changes_nothing(judged: World) -> None:
    judged.send(accepted("e1"))
    judged.settle()
    before = judged.rows(EVENTS)
    judged.send(accepted("e1"))
    judged.settle()
    assert judged.rows(EVENTS) == before


def test_late_evidence_changes_what_is_known_from_now_on_and_nothing_before(judged: World) -> None:
    judged.send(accepted("e1", "C2", "2", occurred="2026-08-20"))
    judged.settle()
    known = judged.clock.at + timedelta(minutes=1)
    judged.clock.at += timedelta(days=5)
    before = judged.competency("C2", known_at=known.isoformat(), as_of="2026-09-01")
    judged.send(accepted("late", "C2", "4", occurred="2026-08-10"))
    judged.settle()
    assert judged.competency("C2", known_at=known.isoformat(), as_of="2026-09-01") == before
    now = judged.competency("C2", as_of="2026-09-01")
    assert now["counted"] == [str(uid("late")), str(uid("e1"))]
    assert now["value"] == "2"  # the latest is by when it was shown, not by when it came


def test_a_retraction_lapses_what_rested_on_it(judged: World) -> None:
    judged.send(accepted("e1", "C1"), accepted("e2", "C2"), retracted("r1", "e1"))
    judged.settle()
    lost, lapsed = judged.published()[-2:]
    assert isinstance(lapsed, RequirementLapsedV1)
    assert (lapsed.cause, lapsed.caused_by, lapsed.cycle) == ("retraction", uid("r1"), 1)
    assert lost.cause == "retraction"  # type: ignore[attr-defined]


def test_a_correction_replaces_what_it_names(judged: World) -> None:
    judged.send(accepted("e1", "C1", "3"), revised("e2", "e1", "C1", "2"))
    judged.settle()
    assert judged.competency("C1")["counted"] == [str(uid("e2"))]
    assert judged.published()[-1].cause == "correction"  # type: ignore[attr-defined]


def test_stamps_strictly_increase_and_thresholds_share_their_causes_stamp(judged: World) -> None:
    judged.send(*(accepted(f"e{n}", "C1", str(1 + n % 4)) for n in range(20)))
    judged.settle()
    events = judged.about("history")["events"]
    stamps = [event["recorded_at"] for event in events if "caused_by" not in event["said"]]
    assert stamps == sorted(set(stamps))
    by_id = {event["id"]: event for event in events}
    caused = [event for event in events if "caused_by" in event["said"]]
    assert caused
    assert all(event["recorded_at"] == by_id[event["said"]["caused_by"]]["recorded_at"] for event in caused)


def test_a_learners_events_keep_the_order_of_the_log(judged: World) -> None:
    names = [f"e{n}" for n in range(60)]
    judged.send(*(accepted(name, learner=(LEARNER, OTHER)[n % 2]) for n, name in enumerate(names)))
    judged.settle()
    for at, learner in enumerate((LEARNER, OTHER)):
        events = judged.about("history", learner)["events"]
        seen = [event["id"] for event in events if event["what"] == "mastery.evidence-recorded.v1"]
        assert seen == [str(uid(name)) for name in names[at::2]]


def test_a_record_from_memory_is_the_record_read_from_the_store(judged: World) -> None:
    judged.send(
        *(accepted(f"e{n}", f"C{1 + n % 3}", str(1 + n % 4), learner=(LEARNER, OTHER)[n % 2]) for n in range(40))
    )
    judged.send(retracted("r1", "e0"), revised("e50", "e2", "C3", "4"))
    judged.settle()
    for learner in (LEARNER, OTHER):
        warm = held(judged, learner)
        cold = held(judged, learner, forget=True)
        assert warm is not cold
        assert warm == cold


@pytest.mark.parametrize("bound", ["records_cached_max", "evidence_cached_max"])
def test_learners_beyond_the_bound_of_memory_are_read_again_and_judged_the_same(judged: World, bound: str) -> None:
    """But none within a transaction: what was decided of it would be in no store yet, and be decided again."""
    judged.restart(**{bound: 1})
    judged.send(*(accepted(f"e{n}", "C1", learner=(LEARNER, OTHER)[n % 2]) for n in range(10)))
    judged.settle()
    assert len(judged.competency("C1", LEARNER)["counted"]) == 5
    assert len(judged.competency("C1", OTHER)["counted"]) == 5
    assert [judged.history(learner).count("level-reached") for learner in (LEARNER, OTHER)] == [1, 1]


def test_memory_is_given_back_between_transactions() -> None:
    looks = Looks()
    cache, first, second = RecordCache(10, evidence_max=2, looks=looks), uid("first"), uid("second")
    for learner in (first, second):
        cache.put(learner, Held(TENANT, LearnerRecord(learner)))
        held_now = cache.get(learner)
        assert held_now is not None
        held_now.record.shelving.pieces |= {uid(f"{learner}{n}"): evidence(f"{n}", "C1") for n in range(2)}
    cache.trim()
    assert cache.get(first) is not None  # what it has grown by is counted when it is next asked for
    assert cache.get(second) is not None
    cache.trim()
    assert (cache.get(first), cache.get(second) is not None) == (None, True)
    assert (looks.memory, looks.store) == (5, 1)


def test_a_writer_that_has_been_succeeded_writes_nothing(judged: World) -> None:
    _claim_elsewhere(judged)
    before = judged.rows(EVENTS)
    judged.send(accepted("e1"))
    with pytest.raises(Fenced):
        judged.settle()
    assert judged.rows(EVENTS) == before
    assert judged.published() == []


def test_a_commit_that_fails_leaves_memory_as_the_store_is(judged: World, monkeypatch: pytest.MonkeyPatch) -> None:
    judged.send(accepted("e1"))
    finish = Draft.finish
    monkeypatch.setattr(Draft, "finish", lambda _: (_ for _ in ()).throw(OSError("the disk is full")))
    judged.worker.step(0.0)
    assert "assessing" not in judged.worker.ready()
    assert judged.worker.ready()
    monkeypatch.setattr(Draft, "finish", finish)
    judged.settle()
    assert judged.history()[-2:] == ["evidence-recorded", "level-reached"]
    assert judged.worker.ready() == {}
    assert held(judged, LEARNER) == held(judged, LEARNER, forget=True)


def test_an_activation_is_journaled_though_the_store_went_away_before_its_commit_and_stayed_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise StoreUnavailable("gone")

    world.put(POLICY, settle=False)
    world.send(registered(), accepted("e1", "C1", "3"))
    with monkeypatch.context() as away:
        away.setattr(StoredPartition, "commit", gone)
        away.setattr(Controls, "applied_seq", gone)
        for _ in range(2):
            world.worker.step(0.0)
        assert world.worker.ready()
    world.settle()
    assert world.worker.ready() == {}
    assert world.rows("SELECT count(*) FROM event WHERE topic = 'mastery.policy-applied.v1'") == [PARTITIONS]
    assert world.history()[:2] == ["learner-admitted", "policy-adopted"]


def test_an_idle_partition_makes_answers_final(judged: World) -> None:
    judged.clock.at += timedelta(days=10)
    asked = (judged.clock.at - timedelta(days=1)).isoformat()
    assert judged.about("standings", known_at=asked)["finality"] == "provisional"
    time.sleep(0.002)  # longer than `known_to_interval_s` here
    judged.worker.step(0.0)
    assert judged.about("standings", known_at=asked)["finality"] == "final"


def test_a_gap_in_the_log_stops_the_partition_and_readiness_says_which_seq_is_missing(judged: World) -> None:
    kept = judged.log.writer
    judged.log.writer = lambda *_: _Forgetful()  # type: ignore[assignment, method-assign]
    judged.send(accepted("e1"))
    judged.log.writer = kept  # type: ignore[method-assign]
    judged.send(accepted("e2"))
    for _ in range(4):
        judged.worker.step(0.0)
    answer = judged.client.get("/health/ready")
    assert answer.status_code == 503
    (said,) = answer.json()["wrong"].values()
    assert "republish from" in said
    assert judged.competency("C1")["counted"] == []


class _Forgetful:
    """A writer that says yes and keeps nothing."""

    def append(self, records: object) -> None:
        """Nothing."""


def held(world: World, learner: UUID, *, forget: bool = False) -> object:
    """A learner's record as its writer holds it."""
    row = world.worker._writers[0]._learners.row(learner)
    assert row is not None
    writer = world.worker._writers[row.partition]
    if forget:
        writer._recording._cache.forget(learner)
    return replace(writer._recording.held(learner, row.tenant, Draft(writer.store, world.clock)))


def _claim_elsewhere(world: World) -> None:
    for writer in world.worker._writers.values():
        other = type(writer.store)(  # type: ignore[call-arg]
            writer.store._database,
            writer.store.partition,
            None,
            None,
            log_partitions=4,  # type: ignore[attr-defined]
        )
        other.claim("a successor")


def _log(world: World) -> list[LogRecord]:
    reader = world.log.reader(INGEST_LEARNER, dict.fromkeys(range(4), 0))
    return reader.poll(0.0, 10_000)
