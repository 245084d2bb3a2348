"""Documents over HTTP: kept for ever, told to the other services, refused with a pointer when they do not fit."""

from typing import Any

import pytest

from contracts.catalogue_v1 import FrameworkPublishedV1, ScalePublishedV1
from contracts.events import MASTERY_CATALOGUE
from services.mastery.documents.framework import to_case
from tests.mastery import sample
from tests.mastery.world import World, sample_package

POLICY = sample.document({"C1": {"estimate": {"method": "highest"}}}, policy={"organisation": "wa-district"})


def test_a_framework_and_a_scale_are_told_to_the_other_services_once(world: World) -> None:
    for _ in range(2):
        listed = world.put_framework(sample_package(), "skills")
        world.put_scale(sample.FOUR.body)
    framework, scale = published(world)
    assert isinstance(framework, FrameworkPublishedV1)
    assert isinstance(scale, ScalePublishedV1)
    assert (framework.framework, framework.version, framework.digest) == ("skills", 1, listed["digest"])
    assert [item.code for item in framework.items] == list(sample.CODES)
    assert (scale.proficient, scale.not_values) == ("3", ("I", "NA"))
    assert world.rows("SELECT DISTINCT key FROM outbox") == ["wa/catalogue"]


def test_a_framework_comes_back_as_the_case_package_that_was_put(world: World) -> None:
    world.put_framework(sample_package(), "skills")
    assert world.get("/v1/frameworks/skills") == to_case(sample.FRAMEWORK.content)
    assert world.get("/v1/frameworks/skills", version=2, status=404)["type"] == "/problems/document-unknown"


def test_without_a_version_the_same_package_keeps_its_version_and_another_takes_the_next(world: World) -> None:
    package: Any = sample_package()
    versions = [put(world, package)["version"] for _ in range(2)]
    package["CFDocument"]["title"] = "Skills, revised"
    versions += [put(world, package)["version"], put(world, sample_package())["version"]]
    assert versions == [1, 1, 2, 1]


def test_another_document_under_a_version_that_is_taken_is_a_conflict(world: World) -> None:
    world.put_scale(sample.FOUR.body)
    other = sample.FOUR.body.replace(b"Beginning", b"Emerging")
    assert world.post("/v1/scales", other, status=409)["type"] == "/problems/version-taken"


def test_a_policy_is_named_by_the_digest_of_its_canonical_form(world: World) -> None:
    listed = world.put(POLICY, activate=False)
    answer = world.client.get("/v1/policies/sample", headers=world.office)
    assert answer.headers["etag"] == f'"{listed["digest"]}"'
    again = world.client.post("/v1/policies", content=answer.content, headers=world.office)
    assert again.json() == listed


BAD_POLICIES = {
    "/competencies/C1/estimate": (b"method: highest", b"method: magic"),
    "/scales/0": (b"id: four", b"id: five"),
    "/competencies/C99": (b"C1:", b"C99:"),
}


@pytest.mark.parametrize(("pointer", "change"), BAD_POLICIES.items())
def test_a_policy_that_does_not_fit_is_refused_with_a_pointer(
    world: World, pointer: str, change: tuple[bytes, bytes]
) -> None:
    world.put_framework(sample_package(), "skills")
    world.put_scale(sample.FOUR.body)
    assert change[0] in POLICY
    problem = world.post("/v1/policies", POLICY.replace(*change), status=400)
    assert any(error["pointer"].startswith(pointer) for error in problem["errors"]), problem


BODIES = [
    b"",
    b"\xff",
    b"{",
    b"[" * 50_000,
    b'{"a": NaN}',
    b'{"a": 1, "a": 2}',
    b"a: &x [*x]",
    b"no: yes",
    b"0",
    b"null",
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:12]))
@pytest.mark.parametrize("path", ["/v1/policies", "/v1/scales", "/v1/frameworks?framework=skills"])
def test_a_body_that_is_no_document_is_refused(world: World, path: str, body: bytes) -> None:
    problem = world.post(path, body, status=400)
    assert problem["status"] == 400


def test_an_activation_of_what_was_never_put_is_refused(world: World) -> None:
    problem = world.post("/v1/policies/sample/activations", b'{"version": 1}', status=404)
    assert problem["type"] == "/problems/policy-unknown"


def test_a_policy_of_another_organisation_is_not_this_keys_to_set(world: World) -> None:
    world.put(POLICY, activate=False)
    world.office = world.keyring.add("wp_elsewhere", "district", organisation="elsewhere")
    refused = world.post("/v1/policies/sample/activations", b'{"version": 1}', status=403)
    assert refused["type"] == "/problems/policy-of-another-organisation"


def test_documents_of_one_tenant_are_nobodys_in_another(world: World) -> None:
    world.put(POLICY, activate=False)
    stranger = world.keyring.add("wp_stranger", "district", tenant="or", organisation="wa-district")
    for path in ("/v1/policies/sample", "/v1/frameworks/skills", "/v1/scales/four"):
        assert world.client.get(path, headers=stranger).status_code == 404


def published(world: World) -> list[Any]:
    """What is in the catalogue's outbox, in the order it was put."""
    return [
        world.ingest.open(world.ingest.parse(value))
        for value in world.rows("SELECT value FROM outbox WHERE topic = ? ORDER BY part, seq", MASTERY_CATALOGUE)
    ]


def put(world: World, package: object) -> Any:
    """A framework without a version."""
    answer = world.client.post("/v1/frameworks?framework=skills", json=package, headers=world.office)
    assert answer.status_code == 201, answer.text
    return answer.json()
