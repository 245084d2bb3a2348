"""A batch is decided on one moment of the store: renewed whenever something is written, and nothing said is missed."""

from typing import Any
from uuid import UUID, uuid5

import pytest

from contracts.envelope import log_key
from services.credentials.signing.signer import Signer
from services.runtime.log.partition import partition_of
from tests.credentials.school import ANA, TENANT, WELDER, School

pytestmark = pytest.mark.usefixtures("either_store")

PARTITIONS = 4
CATALOGUES = partition_of(log_key(TENANT, "catalogue"), PARTITIONS)


def place(learner: UUID) -> int:
    return partition_of(log_key(TENANT, str(learner)), PARTITIONS)


def learners_at(partition: int, count: int) -> list[UUID]:
    some = (uuid5(ANA, str(n)) for n in range(10_000))
    return [one for one in some if place(one) == partition][:count]


@pytest.mark.parametrize("same_partition", [True, False])
@pytest.mark.parametrize("lapse_first", [True, False])
def test_both_halves_of_a_merge_see_what_the_batch_wrote_before(
    school: School, same_partition: bool, lapse_first: bool
) -> None:
    """The award, its merge and its un-merge lie in one batch of each partition."""
    school.put()
    (ben,) = learners_at(place(ANA) if same_partition else (place(ANA) + 1) % PARTITIONS, 1)
    lapsed = school.lapsed(cause="merge").model_copy(update={"merged_with": ben})
    met = school.met(cause="merge").model_copy(update={"merged_with": ANA})
    school.says(school.met())
    if not same_partition:
        school.settle()  # else nothing says which comes first
    for event, learner in [(lapsed, ANA), (met, ben)] if lapse_first else [(met, ben), (lapsed, ANA)]:
        school.says(event, learner)
    school.says(school.lapsed(cause="retraction"), ben)
    school.says(school.met(cycle=2), ben)
    school.settle()

    made = school.credentials(ben)
    assert [one["revoked"] for one in sorted(made, key=lambda one: bool(one["revoked"]))] == [False, True]
    assert [one["credential"] for one in made if one["revoked"]] == [
        one["credential"] for one in school.credentials(ANA)
    ]
    assert len(school.published()) == 3, "issued, revoked from its new holder, and issued for meeting it again"
    assert school.awards() == []


def test_what_lapses_beside_a_merge_counts_what_was_revoked_before_it(school: School) -> None:
    """Two may be revoked in an hour; a merge between the second and the third writes the first two."""
    school.service.close()
    school.settings["revocations_per_hour_max"] = 2
    school.start()
    school.put()
    first, second, merging, third = learners_at(place(ANA), 4)
    for learner in (first, second, merging, third):
        school.says(school.met(), learner)
    school.settle()
    for learner, cause in ((first, "retraction"), (second, "retraction"), (merging, "merge"), (third, "retraction")):
        school.says(school.lapsed(cause=cause), learner)
    school.settle()
    waiting = {one["learner"] for one in school.awards("revocation_proposed")}
    assert waiting == {str(merging), str(third)}
    assert all(school.credentials(one)[0]["revoked"] for one in (first, second))


@pytest.mark.parametrize("when", ["before any is decided", "after some are"])
def test_an_achievement_defined_while_a_batch_is_decided_is_neither_missed_nor_doubled(
    school: School, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    school.put()
    learners = learners_at((CATALOGUES + 1) % PARTITIONS, 4)
    for learner in learners:
        school.says(school.met(), learner)
    signed, real = [], Signer.credential

    def defining(signer: Signer, *arguments: Any) -> bytes:
        signed.append(arguments)
        if len(signed) == (1 if when == "before any is decided" else 3):
            school.put("second", WELDER | {"name": "Second"})
        return real(signer, *arguments)

    monkeypatch.setattr(Signer, "credential", defining)
    school.settle()
    for learner in learners:
        assert sorted(one["achievement"] for one in school.credentials(learner)) == ["second", "welder"]
    assert len(school.published()) == 2 * len(learners)


def test_what_a_person_decided_elsewhere_meanwhile_is_seen_there(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ben may yet have Ana's award; while his batch is decided, a person revokes it."""
    school.put()
    school.says(school.met())
    carl, ben = learners_at((place(ANA) + 1) % PARTITIONS, 2)
    school.says(school.lapsed(cause="merge").model_copy(update={"merged_with": ben}))
    school.settle()
    (waiting,) = school.awards()
    signed, real = [], Signer.credential

    def deciding(signer: Signer, *arguments: Any) -> bytes:
        signed.append(arguments)
        if len(signed) == 1:
            school.decide(waiting["award"], "revoke")
        return real(signer, *arguments)

    monkeypatch.setattr(Signer, "credential", deciding)
    for learner in (carl, ben):
        school.says(school.met(), learner)
    school.settle()
    assert [one["revoked"] for one in school.credentials(ANA)] == [True]
    assert [one["revoked"] for one in school.credentials(ben)] == [False]


def test_what_was_met_and_lapsed_and_met_in_one_batch_earns_what_is_defined_later(school: School) -> None:
    school.says(school.met())
    school.says(school.lapsed(cause="time"))
    school.says(school.met(cycle=2))
    school.settle()
    school.put()
    school.settle()
    (made,) = school.credentials()
    assert made["standing"] == "issued"
    school.says(school.lapsed(cycle=2))
    school.settle()
    assert school.credentials()[0]["revoked"]
