"""An erased learner in mastery: 410 for any date, nothing of it in memory, and everything else as it was."""

from typing import Any
from uuid import UUID

import pytest

from contracts.envelope import log_key
from contracts.events import INGEST_LEARNER, MASTERY_LEARNER
from contracts.learners_v1 import LearnerErasedV1
from contracts.mastery_v1 import RecordErasedV1
from services.runtime.store.port import Erased, Verbatim
from tests.mastery import sample
from tests.mastery.test_dead_letters import reasons
from tests.mastery.test_replaying import lived, replayed  # noqa: F401 - a fixture
from tests.mastery.world import LEARNER, OTHER, TENANT, World, accepted, enrolled, registered
from tests.support.given import uid

EVENT = uid("erased")
QUESTIONS = ("standings", "history", "next-steps", "why/C1")
THEN = "2026-09-03T00:00:00Z"
DATES: list[dict[str, Any]] = [
    {},
    {"as_of": "2026-08-01"},
    {"known_at": THEN},
    {"as_of": "2027-01-01"},
]


def erased(world: World, learner: UUID = LEARNER, tenant: str = TENANT) -> None:
    """As ingest says it: in clear."""
    said, subject = LearnerErasedV1(erasure=uid("erasure")), str(learner)
    value = world.ingest.clear(said, id=EVENT, tenant=tenant, subject=subject, time=world.clock.now())
    world.log.writer(INGEST_LEARNER, "ingest").append([world.outgoing(log_key(tenant, subject), value)])


def erase(world: World, learner: UUID = LEARNER) -> None:
    world.keys.destroy_learner_key(TENANT, learner)
    erased(world, learner)
    world.settle()


def check_gone(world: World) -> None:
    for question in QUESTIONS:
        for dates in DATES:
            problem = world.about(question, status=410, **dates)
            assert (problem["type"], problem["event"]) == ("/problems/learner-erased", str(EVENT))
            assert problem["erased_at"] == "2026-09-01T23:59:59.999999Z"


def plain(answer: dict[str, Any]) -> dict[str, Any]:
    """Without how far the partition has come, which moves on."""
    return answer | {"known_to": 0, "finality": ""}


def others(world: World) -> list[Any]:
    return [
        world.about(question, OTHER, **dates)
        for question in QUESTIONS
        for dates in ({"known_at": THEN}, {"known_at": THEN, "as_of": "2027-01-01"})
    ]


def test_every_answer_is_410_and_names_the_event_for_any_date(lived: World) -> None:  # noqa: F811
    before = others(lived)
    erase(lived)
    check_gone(lived)
    assert [plain(answer) for answer in others(lived)] == [plain(answer) for answer in before]
    lived.restart()
    check_gone(lived)
    assert reasons(lived) == []


def test_it_is_erased_before_its_key_is_gone_and_with_what_came_in_the_same_batch(lived: World) -> None:  # noqa: F811
    lived.send(accepted("in-the-batch", "C1", "4"))
    erased(lived)
    lived.send(accepted("after", "C1", "4"), enrolled("south-high"))
    lived.settle()
    check_gone(lived)
    assert reasons(lived) == []
    lived.restart()
    lived.send(accepted("much-later", "C1", "4"), accepted("hers", "C1", "4", learner=OTHER))
    lived.settle()
    check_gone(lived)
    assert lived.rows("SELECT count(*) FROM event WHERE topic = 'mastery.learner-erased.v1'") == [1]


@pytest.mark.in_files
def test_replay_decides_everybody_else_again_and_the_chain_of_the_erased_stream_verifies(lived: World) -> None:  # noqa: F811
    _, before = replayed(lived)
    erase(lived)
    code, after = replayed(lived)
    assert (code, after["learners"], after["erased"]) == (0, 1, 1)
    assert after["standings"][str(OTHER)] == before["standings"][str(OTHER)]
    assert not any(after["differences"].values())
    stores = lived.worker._writers.values()
    mine = [
        e for writer in stores for e in writer.store.events(0, 10_000) if e.stream == LEARNER
    ]  # each row is verified
    assert isinstance(mine[-1].event, Verbatim)
    assert b"erasure" in mine[-1].event.body
    assert any(isinstance(each.event, Erased) for each in mine[:-1])
    assert [each.version for each in mine] == list(range(1, len(mine) + 1))


def test_the_others_are_told_once_and_in_clear(lived: World) -> None:  # noqa: F811
    erase(lived)
    erased(lived)
    lived.settle()
    rows = lived.rows("SELECT value FROM outbox WHERE topic = ?", MASTERY_LEARNER)
    told = [envelope for value in rows if (envelope := lived.ingest.parse(value)).type == RecordErasedV1.TYPE]
    assert [(each.subject, each.data) for each in told] == [(str(LEARNER), {"erased_by": str(EVENT)})]


def test_an_erased_learner_adopts_nothing_and_holds_up_nobody(lived: World) -> None:  # noqa: F811
    erase(lived)
    lived.put(
        sample.document(
            {"C1": {"estimate": {"method": "latest"}}}, {}, policy={"version": 2, "effective_from": "2026-07-01"}
        )
    )
    assert not lived.worker.pending()
    check_gone(lived)


@pytest.mark.parametrize("when", ["before", "after"])
def test_somebody_who_was_erased_before_mastery_ever_heard_of_it_is_410_too(world: World, when: str) -> None:
    world.send(registered(), accepted("e1"))
    if when == "before":
        world.settle()
    erase(world)
    check_gone(world)
    assert world.rows("SELECT count(*) FROM learner WHERE erased_by IS NOT NULL") == [1]


def test_an_erasure_of_another_tenants_learner_is_set_aside(lived: World) -> None:  # noqa: F811
    erased(lived, tenant="or")
    lived.settle()
    assert reasons(lived) == ["learner-of-another-tenant"]
    assert lived.about("standings")["learner"] == str(LEARNER)
