"""What cannot be evaluated is set aside with its reason, and nothing else stops for it."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from contracts.envelope import log_key
from contracts.events import INGEST_LEARNER
from contracts.evidence_v1 import EvidenceAcceptedV1
from services.mastery.use_cases import recording
from services.runtime.store.database import CommitUnknown, Cursor, StoreUnavailable
from services.runtime.store.dead_letter import DeadLetter
from tests.mastery import sample
from tests.mastery.world import (
    LEARNER,
    OTHER,
    TENANT,
    Sent,
    World,
    accepted,
    content,
    registered,
    retracted,
    revised,
)
from tests.support.given import day, uid

pytestmark = pytest.mark.usefixtures("either_store")

LAST_SEQS = "SELECT sum(last_seq) FROM position"
KEY = log_key(TENANT, str(LEARNER))
POLICY = sample.document({"C1": {"estimate": {"method": "highest"}}}, policy={"effective_from": "2026-07-01"})


@pytest.fixture
def judged(world: World) -> World:
    world.put(POLICY)
    world.send(registered(), registered(OTHER))
    world.settle()
    return world


def append(world: World, *values: bytes, key: str = KEY) -> None:
    world.log.writer(INGEST_LEARNER, "ingest").append([world.outgoing(key, value) for value in values])


def sealed(world: World, sent: Sent) -> bytes:
    return world.ingest.seal(
        sent.event,
        id=sent.id,
        tenant=sent.tenant,
        subject=str(sent.learner),
        time=world.clock.now(),
        occurred_at=sent.occurred_at,
    )


def reasons(world: World) -> Sequence[Any]:
    return world.rows("SELECT reason FROM dead_letter ORDER BY part, seq")


def test_bytes_that_are_no_envelope_are_set_aside_and_the_next_record_counts(judged: World) -> None:
    append(judged, b"", b"{", b"\xff\xfe", b"null", b"[]", b'{"id": 1}')
    judged.send(accepted("e1"))
    judged.settle()
    assert reasons(judged) == ["malformed-envelope"] * 6
    assert judged.competency("C1")["result"] == "met"


def test_a_changed_or_moved_blob_is_set_aside(judged: World) -> None:
    raw = sealed(judged, accepted("e1"))
    at = raw.index(b'"data_base64":"') + 60
    flipped = raw[:at] + (b"A" if raw[at : at + 1] != b"A" else b"B") + raw[at + 1 :]
    renamed = raw.replace(str(uid("e1")).encode(), str(uid("e2")).encode())
    append(judged, flipped, renamed)
    judged.settle()
    assert reasons(judged) == ["does-not-open"] * 2
    assert judged.competency("C1")["counted"] == []


def test_a_record_under_another_learners_key_is_set_aside(judged: World) -> None:
    append(judged, sealed(judged, accepted("e1")), key=log_key(TENANT, str(OTHER)))
    judged.settle()
    assert reasons(judged) == ["key-and-subject-differ"]


def test_a_type_nobody_knows_is_set_aside(judged: World) -> None:
    raw = sealed(judged, accepted("e1")).replace(b"evidence-accepted.v1", b"evidence-imagined.v1")
    append(judged, raw)
    judged.settle()
    assert reasons(judged) == ["unknown-type"]


def test_content_that_lacks_a_member_is_set_aside(judged: World) -> None:
    hollow = EvidenceAcceptedV1.model_construct(content=content().model_copy(update={"rating": None}))
    append(judged, sealed(judged, Sent(TENANT, LEARNER, uid("e1"), hollow, day("2026-09-01"))))
    judged.settle()
    assert reasons(judged) == ["malformed-content"]


def test_a_revision_or_retraction_of_what_never_came_is_set_aside(judged: World) -> None:
    judged.send(revised("e2", "never"), retracted("r1", "never"))
    judged.settle()
    assert reasons(judged) == ["names-unknown-evidence"] * 2
    assert "evidence-recorded" not in judged.history()


def test_a_learner_of_one_tenant_is_nobody_in_another(judged: World) -> None:
    judged.keys.create_learner_keys("or", [LEARNER])
    before = judged.history()
    judged.send(registered(LEARNER, "or"))
    judged.settle()
    if judged.rows("SELECT part FROM learner WHERE stream = ?", LEARNER.bytes):
        assert judged.history() == before
    assert reasons(judged) == ["learner-of-another-tenant"]


def test_evidence_whose_key_is_destroyed_is_passed_over(judged: World) -> None:
    judged.send(accepted("e1"))
    judged.keys.destroy_learner_key(TENANT, LEARNER)
    judged.send(accepted("e2", learner=OTHER))
    judged.settle()
    assert reasons(judged) == []
    assert judged.competency("C1", OTHER)["result"] == "met"
    assert judged.about("standings", status=410)["type"] == "/problems/key-destroyed"


def test_a_learner_who_was_never_given_a_key_is_set_aside(judged: World) -> None:
    raw = sealed(judged, accepted("e1"))
    nobody = str(uid("nobody"))
    append(judged, raw.replace(str(LEARNER).encode(), nobody.encode()), key=log_key(TENANT, nobody))
    judged.settle()
    assert reasons(judged) == ["key-unknown"]


def test_a_record_on_which_evaluation_fails_is_set_aside_and_the_rest_of_its_batch_counts(
    judged: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide = recording.decide

    def failing(command: Any, record: Any, rules: Any) -> Any:
        if getattr(command, "fact", None) is not None and command.fact.id == uid("e2"):
            record.standings.clear()  # half changed
            raise ZeroDivisionError
        return decide(command, record, rules)

    monkeypatch.setattr(recording, "decide", failing)
    judged.send(accepted("e1"), accepted("e2"), accepted("e3", level="4"))
    judged.settle()
    assert reasons(judged) == ["evaluation-failed"]
    assert judged.competency("C1")["counted"] == [str(uid("e1")), str(uid("e3"))]
    assert judged.history().count("level-reached") == 1


@pytest.mark.parametrize(
    "trouble", [StoreUnavailable("gone"), CommitUnknown("gone"), OSError(28, "full"), MemoryError()]
)
def test_trouble_with_a_server_is_never_the_records_fault(
    judged: World, monkeypatch: pytest.MonkeyPatch, trouble: BaseException
) -> None:
    """However often it comes, nothing is set aside, and everything counts once it is over."""
    decide, left = recording.decide, [None] * 5

    def troubled(*said: Any) -> Any:
        if left:
            left.pop()
            raise trouble
        return decide(*said)

    monkeypatch.setattr(recording, "decide", troubled)
    judged.send(accepted("e1"), accepted("e2", level="4"))
    for _ in range(len(left) + 1):
        judged.settle()
    assert left == []
    assert reasons(judged) == []
    assert judged.competency("C1")["counted"] == [str(uid("e1")), str(uid("e2"))]


def test_what_is_set_aside_is_kept_with_the_position_or_not_at_all(
    judged: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that fails keeps neither; the next one both, and the record byte for byte."""
    row, failures = DeadLetter.row, [StoreUnavailable("gone")]

    def failing(letter: DeadLetter) -> Callable[[Cursor], None]:
        def write(cursor: Cursor) -> None:
            row(letter)(cursor)
            if failures:
                raise failures.pop()

        return write

    monkeypatch.setattr(DeadLetter, "row", failing)
    before = judged.rows(LAST_SEQS)
    append(judged, b"{")
    judged.worker.step(0.0)
    assert failures == []
    assert (reasons(judged), judged.rows(LAST_SEQS)) == ([], before)
    judged.settle()
    assert judged.rows("SELECT body FROM dead_letter") == [b"{"]
    assert judged.rows(LAST_SEQS) == [before[0] + 1]
