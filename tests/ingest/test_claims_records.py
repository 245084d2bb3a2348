"""What a claim does to its record, and the law that the order of processing does not matter."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.domain.catalogue import Competency
from services.ingest.domain.checks import CheckedClaim
from services.ingest.domain.claims import Claim, ClaimedAssessor, Fault, Held, Identifier, NoClaim, Withdrawal
from services.ingest.domain.outcomes import Outcome
from services.ingest.domain.records import (
    Accept,
    Arrival,
    Bury,
    Conflict,
    Duplicate,
    Hold,
    Move,
    Nothing,
    OnChange,
    Park,
    Quarantine,
    RecordVersion,
    Retract,
    Revise,
    Superseded,
    decide,
    record_of,
    version_after,
)

ANA, BEN = UUID(int=1), UUID(int=2)
EVIDENCE = UUID(int=10)
GONE = Withdrawal("r1")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def claim(level: str = "3", learner: str = "ana") -> Claim:
    return Claim(
        learner=Identifier("student", learner),
        record_key="r1",
        competency="WBL.1",
        framework=None,
        scale="internship-1-4",
        level=level,
        score=None,
        observed=True,
        occurred_at=NOON,
        pathway="internship",
        assessor=ClaimedAssessor("m1", "mentor", "acme"),
    )


def checked(level: str = "3", learner: str = "ana") -> CheckedClaim:
    return CheckedClaim(claim(level, learner), Competency("wbl", "i1", "WBL.1"), 1, level, None, True)


THREE, FOUR = checked("3"), checked("4")


def arrival(order: int, item: CheckedClaim, learner: UUID | None = ANA) -> Arrival:
    return Arrival(order, item.claim.content(), learner)


def in_force(order: int = 1, item: CheckedClaim = THREE, learner: UUID = ANA) -> RecordVersion:
    return RecordVersion(order, item.claim.content(), learner, EVIDENCE)


BURIED = RecordVersion(5, b"", None, None, withdrawn=True)


@pytest.mark.parametrize(
    ("item", "arrived", "current", "rule", "decision"),
    [
        (THREE, arrival(1, THREE), None, OnChange.REVISE, Accept(THREE)),
        (THREE, arrival(2, THREE), in_force(), OnChange.REVISE, Duplicate()),
        (FOUR, arrival(2, FOUR), in_force(), OnChange.REVISE, Revise(FOUR, EVIDENCE)),
        (FOUR, arrival(2, FOUR), in_force(), OnChange.CONFLICT, Conflict()),
        (THREE, arrival(2, THREE, BEN), in_force(), OnChange.REVISE, Move(THREE, EVIDENCE, ANA)),
        (THREE, arrival(2, THREE, BEN), in_force(), OnChange.CONFLICT, Conflict()),
        (THREE, arrival(1, THREE, None), None, OnChange.REVISE, Park()),
        (FOUR, arrival(1, FOUR), in_force(2), OnChange.REVISE, Superseded()),
        (FOUR, arrival(1, FOUR, None), in_force(2), OnChange.REVISE, Superseded()),
        (THREE, arrival(4, THREE), BURIED, OnChange.REVISE, Superseded()),
        (THREE, arrival(6, THREE), BURIED, OnChange.REVISE, Accept(THREE)),
        (THREE, arrival(6, THREE), BURIED, OnChange.CONFLICT, Conflict()),
        (GONE, Arrival(2), in_force(), OnChange.REVISE, Retract(EVIDENCE, ANA)),
        (GONE, Arrival(2), None, OnChange.REVISE, Bury()),
        (GONE, Arrival(6), BURIED, OnChange.REVISE, Duplicate()),
        (GONE, Arrival(1), in_force(2), OnChange.REVISE, Superseded()),
        (NoClaim("r"), Arrival(1), None, OnChange.REVISE, Nothing("r")),
        (Fault("f", "/a"), Arrival(1), None, OnChange.REVISE, Quarantine(Fault("f", "/a"))),
        (Held(Fault("f", "/a")), Arrival(1), None, OnChange.REVISE, Hold(Fault("f", "/a"))),
    ],
)
def test_a_claim_meets_the_current_version_of_its_record(item, arrived, current, rule, decision):
    assert decide(item, arrived, current, rule) == decision


def test_three_then_four_then_three_again_are_two_revisions():
    world = World(OnChange.REVISE)
    for order, level in enumerate("343", 1):
        world.take(order, claim(level), ANA)
    assert world.outcomes == [Outcome.ACCEPTED] * 3
    assert world.counted() == {(ANA, claim("3").content())}
    assert world.revised == 2


def test_a_repeat_after_a_parked_change_is_still_the_last_word():
    """3 is accepted, 4 waits for its learner, 3 comes again; the 4 is released last and must not win."""
    world = World(OnChange.REVISE)
    world.take(1, claim("3"), ANA)
    world.take(2, claim("4", "unknown"), None)
    world.take(3, claim("3"), ANA)
    world.take(2, claim("4", "unknown"), ANA)
    assert world.outcomes == [Outcome.ACCEPTED, Outcome.PARKED, Outcome.DUPLICATE, Outcome.SUPERSEDED]
    assert world.counted() == {(ANA, claim("3").content())}


def test_a_reused_key_makes_a_record_of_each_content_only_under_new():
    assert record_of(claim("3"), OnChange.REVISE) == record_of(claim("4"), OnChange.REVISE) == "r1"
    assert record_of(claim("3"), OnChange.NEW) != record_of(claim("4"), OnChange.NEW)
    assert record_of(claim("3", "ana"), OnChange.NEW) != record_of(claim("3", "ben"), OnChange.NEW)


def test_the_record_key_and_the_learners_name_are_no_part_of_the_content():
    assert claim().content() == replace(claim(learner="ben"), record_key="r2").content()
    assert claim().content() != replace(claim(), comment="better").content()


@dataclass
class World:
    """Ingest's tables, as small as they can be: current versions, and evidence that counts."""

    rule: OnChange
    current: dict[str, RecordVersion] = field(default_factory=dict)
    evidence: dict[UUID, tuple[UUID, bytes]] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    revised: int = 0
    made: int = 100

    def take(self, order: int, item: Claim | Withdrawal, learner: UUID | None) -> None:
        key = item.record_key if isinstance(item, Withdrawal) else record_of(item, self.rule)
        content = b"" if isinstance(item, Withdrawal) else item.content()
        judged = item if isinstance(item, Withdrawal) else replace(THREE, claim=item)
        arrived, current = Arrival(order, content, learner), self.current.get(key)
        decision = decide(judged, arrived, current, self.rule)
        self.made += 1
        after = version_after(decision, arrived, current, UUID(int=self.made))
        if after is not None:
            self.current[key] = after
        if isinstance(decision, Revise | Move | Retract):
            del self.evidence[decision.evidence]
            self.revised += isinstance(decision, Revise)
        if isinstance(decision, Accept | Revise | Move):
            self.evidence[UUID(int=self.made)] = (learner, content)
        self.outcomes.append(decision.outcome)

    def counted(self) -> set[tuple[UUID, bytes]]:
        return set(self.evidence.values())


@dataclass(frozen=True)
class Sent:
    """One version as it was sent; one that waits is parked or quarantined at first and settled later."""

    level: str | None
    learner: UUID
    wait: str


SENT = st.builds(
    Sent, st.sampled_from(["1", "2", "3"]), st.sampled_from([ANA, BEN]), st.sampled_from(["", "parked", "quarantined"])
)
WITHDRAWN = st.sampled_from([Sent(None, ANA, ""), Sent(None, ANA, "quarantined")])


def taken(world: World, order: int, sent: Sent, *, settled: bool) -> None:
    name = "ana" if sent.learner == ANA else "ben"
    item = GONE if sent.level is None else claim(sent.level, name)
    if not settled and sent.wait == "quarantined":
        return  # a fault decides nothing about the record
    world.take(order, item, None if sent.wait == "parked" and not settled else sent.learner)


def in_order(rule: OnChange, history: list[Sent]) -> set[tuple[UUID, bytes]]:
    world = World(rule)
    for order, sent in enumerate(history, 1):
        taken(world, order, sent, settled=True)
    return world.counted()


@pytest.mark.parametrize("rule", [OnChange.REVISE, OnChange.CONFLICT])
@settings(max_examples=400, deadline=None)
@given(st.lists(SENT | WITHDRAWN, min_size=1, max_size=7), st.data())
def test_any_interleaving_of_parking_redrives_retries_and_withdrawals_counts_the_same(rule, history, data):
    """Receipts come in order; what waits is settled at any later time, in any order, and anything may be retried."""
    world, waiting = World(rule), []
    for order, sent in enumerate(history, 1):
        taken(world, order, sent, settled=False)
        if sent.wait:
            waiting.append((order, sent))
        while waiting and data.draw(st.booleans()):
            taken(world, *data.draw(st.sampled_from(waiting)), settled=True)
    for order, sent in data.draw(st.permutations(waiting)):
        taken(world, order, sent, settled=True)
    for order, sent in data.draw(st.lists(st.sampled_from(list(enumerate(history, 1))), max_size=4)):
        taken(world, order, sent, settled=True)
    assert world.counted() == in_order(rule, history)


@settings(max_examples=200, deadline=None)
@given(st.lists(SENT, min_size=1, max_size=7), st.data())
def test_under_new_each_content_counts_once_in_any_order(history, data):
    world = World(OnChange.NEW)
    for order, sent in data.draw(st.permutations(list(enumerate(history, 1)))):
        taken(world, order, sent, settled=True)
    assert world.counted() == in_order(OnChange.NEW, history)
    assert len(world.evidence) == len(world.counted())


@settings(max_examples=200, deadline=None)
@given(st.lists(SENT, min_size=1, max_size=7), st.data())
def test_under_conflict_a_record_counts_once_and_as_the_first_to_arrive_said_it(history, data):
    world = World(OnChange.CONFLICT)
    for order, sent in data.draw(st.permutations(list(enumerate(history, 1)))):
        taken(world, order, sent, settled=True)
        assert len(world.evidence) == 1
    assert world.counted() == in_order(OnChange.CONFLICT, history)


def test_under_conflict_a_withdrawal_read_late_makes_a_conflict_of_what_came_after_it():
    world = World(OnChange.CONFLICT)
    world.take(2, claim("4"), ANA)
    world.take(1, GONE, None)
    world.take(2, claim("4"), ANA)
    assert world.outcomes == [Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.CONFLICT]
    assert world.counted() == set()


def test_under_conflict_what_was_parked_first_takes_the_place_of_what_was_accepted_since():
    world = World(OnChange.CONFLICT)
    world.take(1, claim("3"), None)
    world.take(2, claim("4"), BEN)
    world.take(1, claim("3"), ANA)
    world.take(2, claim("4"), BEN)
    assert world.outcomes == [Outcome.PARKED, Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.CONFLICT]
    assert {learner for learner, _ in world.counted()} == {ANA}
