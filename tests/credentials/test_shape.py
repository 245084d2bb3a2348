"""The credential's members against a model of Open Badges 3.0 nobody here wrote, and the rules schemas cannot state."""

from collections.abc import Callable
from typing import Any

import pytest

from services.credentials.formats.open_badge import open_badge
from services.credentials.formats.shape import check_badge
from services.credentials.signing.errors import NotSignable
from tests.credentials import samples
from tests.credentials.node import ask

Json = dict[str, Any]
Change = Callable[[Json], object]

DEFECTS: list[tuple[str, Change]] = [
    ("credentialSubject/achievement/name", lambda doc: doc["credentialSubject"]["achievement"].pop("name")),
    ("credentialSubject/achievement/criteria", lambda doc: doc["credentialSubject"]["achievement"].pop("criteria")),
    ("credentialSubject/result/0/status", lambda doc: doc["credentialSubject"]["result"][0].update(status="Done")),
    ("credentialSubject/identifier/0/hashed", lambda doc: doc["credentialSubject"]["identifier"][0].pop("hashed")),
    ("proof/0/proofPurpose", lambda doc: doc["proof"][0].pop("proofPurpose")),
]


@pytest.mark.node
def test_the_credential_fits_an_independent_model_of_open_badges() -> None:
    credentials = [
        samples.credential(),
        samples.credential(achieved=(samples.SAFETY,)),
        samples.credential(achieved=()),
    ]
    assert ask(*({"shape": credential} for credential in credentials)) == [{"faults": []}] * 3


@pytest.mark.node
def test_the_model_finds_each_defect_in_the_member_it_stands_in() -> None:
    credentials = [samples.credential() for _ in DEFECTS]
    for credential, (_, change) in zip(credentials, DEFECTS, strict=True):
        change(credential)
    answers = ask(*({"shape": credential} for credential in credentials))
    assert [answer["faults"] for answer in answers] == [[path.split("/")[0]] for path, _ in DEFECTS]


def arrays_and_nulls(node: object) -> list[object]:
    """Every member the one shape both official schemas accept has no place for."""
    if isinstance(node, dict):
        return [one for value in node.values() for one in arrays_and_nulls(value)]
    if isinstance(node, list):
        return [one for value in node for one in arrays_and_nulls(value)] or ([] if node else [node])
    return [node] if node is None or isinstance(node, float) else []


def test_nothing_is_null_or_empty_and_what_may_be_many_is_an_array() -> None:
    badge = samples.credential()
    assert arrays_and_nulls(badge) == []
    subject = badge["credentialSubject"]
    many = [badge[name] for name in ("type", "proof", "evidence")]
    many += [subject[name] for name in ("type", "result", "identifier")]
    many += [subject["achievement"][name] for name in ("type", "alignment", "resultDescription")]
    assert all(isinstance(one, list) for one in many)
    assert isinstance(badge["credentialStatus"], dict)
    assert isinstance(badge["credentialStatus"]["statusListIndex"], str)


def test_levels_are_listed_low_to_high_and_aligned_to_case_where_they_have_an_address() -> None:
    scale = samples.credential()["credentialSubject"]["achievement"]["resultDescription"][0]
    assert [level["points"] for level in scale["rubricCriterionLevel"]] == ["1", "2", "3", "4"]
    aligned = [level["alignment"][0] for level in scale["rubricCriterionLevel"]]
    assert {(one["targetType"], one["targetUrl"][:24]) for one in aligned} == {
        ("CFRubricCriterionLevel", "https://case.example.org")
    }
    assert scale["alignment"][0]["targetType"] == "CFItem"


def test_a_level_the_scale_lacks_is_not_signed() -> None:
    badge = open_badge(samples.recognition(), samples.ISSUER)
    badge["credentialSubject"]["result"][0]["achievedLevel"] = "urn:uuid:00000000-0000-0000-0000-000000000000"
    with pytest.raises(NotSignable, match="level-not-of-its-scale"):
        check_badge(badge)


def test_a_badge_without_criteria_is_not_signed() -> None:
    badge = open_badge(samples.recognition(), samples.ISSUER)
    del badge["credentialSubject"]["achievement"]["criteria"]
    with pytest.raises(NotSignable, match="criteria-missing"):
        check_badge(badge)


def test_two_credentials_of_one_learner_share_no_identity_hash_but_the_learner_can_claim_both() -> None:
    import hashlib
    from uuid import UUID

    from services.credentials.formats.identity import identity, pseudonym

    name = pseudonym(samples.TENANT_SECRET, samples.LEARNER)
    both = [identity(samples.TENANT_SECRET, samples.LEARNER, UUID(int=award)) for award in (2, 3)]
    assert both[0].digest != both[1].digest
    for one in both:
        assert one.digest == "sha256$" + hashlib.sha256((name + one.salt).encode()).hexdigest()
