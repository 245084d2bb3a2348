"""The HTTP surface: who may call, what comes in, what comes out, and what is refused with which pointer."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.credentials.api.negotiation import negotiate
from services.credentials.use_cases.refusals import MediaTypeNotOffered
from tests.credentials.school import ANA, BEN, DIPLOMA, NODE, WELDER, School, body_of

Json = dict[str, Any]


@pytest.fixture
def issued(school: School) -> Json:
    """One credential of Ana's."""
    school.put()
    school.says(school.met())
    school.settle()
    [credential] = school.credentials()
    return credential


# ---- achievements


def test_an_achievement_put_twice_changes_nothing_and_a_new_text_is_a_new_version(school: School) -> None:
    first = school.put()
    assert (first["version"], first["award"], first["revocation"]["retraction"]) == (1, "at_once", "at_once")
    assert school.put(status=200) == first
    second = school.put(body=WELDER | {"criteria": "More than before."})
    assert (second["version"], second["digest"] != first["digest"]) == (2, True)
    assert school.get("/v1/achievements/welder") == second


def test_a_diploma_says_that_a_person_decides_everything(school: School) -> None:
    told = school.put("diploma", DIPLOMA)
    assert told["award"] == "person"
    assert set(told["revocation"].values()) == {"propose"}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"name": None}, "/name"),
        ({"name": "noncharacter \uffff"}, "/name"),
        ({"kind": "Sticker"}, ""),
        ({"image": "http://plain.example/i.png"}, "/image"),
        ({"image": "https://x.example/<i>"}, "/image"),
        ({"criteria_url": "https://x.example/{a}"}, "/criteria_url"),
        ({"requirement": {"policy": "Not A Slug", "node": NODE}}, "/requirement/policy"),
        ({"requirement": {"policy": "trades"}}, "/requirement/node"),
        ({"revocation": {"policy": "at_once"}}, "/revocation/policy"),
        ({"revocation": {"weather": "propose"}}, "/revocation/weather"),
        ({"award": "perhaps"}, "/award"),
        ({"colour": "red"}, "/colour"),
        ({"kind": "SecondarySchoolDiploma", "award": "at_once"}, ""),
    ],
)
def test_an_achievement_with_one_defect_is_refused_with_a_pointer(school: School, change: Json, pointer: str) -> None:
    problem = school.put(body=WELDER | change, status=400)
    assert problem["pointer"] == pointer
    school.get("/v1/achievements/welder", status=404)


def test_an_achievement_keeps_its_requirement(school: School) -> None:
    school.put()
    problem = school.put(body=WELDER | {"requirement": {"policy": "trades", "node": "other"}}, status=409)
    assert (problem["type"], problem["pointer"]) == ("/problems/requirement-fixed", "/requirement")


@pytest.mark.parametrize("raw", [b"", b"{", b'{"name": 1, "name": 2}', b"\xff\xfe", b"[" * 200, b'{"a": 1e999}'])
def test_a_body_that_is_no_json_is_a_clear_400(school: School, raw: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    problem = school.call("PUT", "/v1/achievements/welder", "district", content=raw, headers=headers, status=400)
    assert problem["type"].startswith("/problems/")


# ---- who may


@pytest.mark.parametrize(
    ("method", "path", "allowed", "refused"),
    [
        ("PUT", "/v1/achievements/welder", "district", "teacher"),
        ("GET", "/v1/achievements/welder", "auditor", "source"),
        ("GET", "/v1/awards", "registrar", "teacher"),
        ("POST", f"/v1/awards/{UUID(int=1)}/decisions", "registrar", "adviser"),
        ("GET", f"/v1/learners/{ANA}/credentials", "adviser", "operator"),
        ("GET", f"/v1/credentials/{UUID(int=1)}", "adviser", "source"),
    ],
)
def test_a_key_may_do_what_its_role_may_and_no_more(
    school: School, method: str, path: str, allowed: str, refused: str
) -> None:
    body = {"json": {}} if method in {"PUT", "POST"} else {}
    school.call(method, path, None, status=401, **body)
    school.call(method, path, refused, status=403, **body)
    headers = {"Authorization": f"Bearer {allowed}"}
    assert school.http.request(method, path, headers=headers, **body).status_code not in {401, 403, 500}


def test_another_tenants_key_finds_nothing(school: School, issued: Json) -> None:
    school.get(issued["href"], key="district@gamma", status=404)
    assert school.get(f"/v1/learners/{ANA}/credentials", key="district@gamma")["credentials"] == []
    assert school.get("/v1/awards?standing=issued", key="district@gamma")["awards"] == []
    school.get("/v1/achievements/welder", key="district@gamma", status=404)
    award = school.awards("issued")[0]["award"]
    school.decide(award, "revoke", key="registrar@gamma", status=404)


def test_a_learner_reads_only_what_is_the_learners(school: School, issued: Json) -> None:
    school.says(school.met(), BEN)
    school.settle()
    assert len(school.get(f"/v1/learners/{ANA}/credentials", key="learner")["credentials"]) == 1
    school.get(issued["href"], key="learner")
    school.get(f"/v1/learners/{BEN}/credentials", key="learner", status=403)
    school.get(school.credentials(BEN)[0]["href"], key="learner", status=404)
    assert [one["learner"] for one in school.get("/v1/awards?standing=issued", key="learner")["awards"]] == [str(ANA)]


# ---- credentials


@pytest.mark.parametrize("media_type", ["application/vc+ld+json", "application/vc", "application/json"])
def test_a_credential_is_the_same_bytes_in_every_media_type(school: School, issued: Json, media_type: str) -> None:
    headers = {"Authorization": "Bearer district", "Accept": media_type}
    reply = school.http.get(issued["href"], headers=headers)
    assert reply.headers["content-type"] == media_type
    assert reply.content == school.content(issued)


def test_a_bundle_holds_the_very_bytes_of_the_credential(school: School, issued: Json) -> None:
    headers = {"Authorization": "Bearer district", "Accept": "application/vnd.wayproof.bundle+json"}
    raw = school.http.get(issued["href"], headers=headers).content
    assert school.content(issued) in raw
    assert set(json.loads(raw)) == {"credential", "didDocument", "statusList"}


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "a/x"),
        ("*/*", "a/x"),
        ("a/y", "a/y"),
        ("a/y;q=0.2, a/x;q=0.1", "a/y"),
        ("a/*, a/x;q=0", "a/y"),
        ("text/html, */*;q=0.1", "a/x"),
        ("A/Y", "a/y"),
    ],
)
def test_the_client_gets_the_media_type_it_weighs_most(accept: str | None, chosen: str) -> None:
    assert negotiate(accept, ("a/x", "a/y")) == chosen


@pytest.mark.parametrize("accept", ["text/html", "a/x;q=0", "a/x;q=lots", ",,;"])
def test_a_media_type_not_offered_is_refused(accept: str) -> None:
    with pytest.raises(MediaTypeNotOffered):
        negotiate(accept, ("a/x",))


def test_a_learner_nobody_registered_is_not_found(school: School) -> None:
    school.get(f"/v1/learners/{uuid4()}/credentials", status=404)
    assert school.credentials(BEN) == []


def test_a_credential_nobody_issued_is_not_found(school: School) -> None:
    school.get(f"/v1/credentials/{uuid4()}", status=404)
    school.get("/v1/credentials/not-a-uuid", status=400)


# ---- awards


def test_awards_come_in_pages(school: School) -> None:
    school.put("diploma", DIPLOMA)
    learners = [UUID(int=1000 + n) for n in range(5)]
    for learner in learners:
        school.says(school.met(), learner)
    school.settle()
    seen, after = [], None
    while True:
        page = school.get("/v1/awards", params={"limit": 2, **({"after": after} if after else {})})
        seen += [award["learner"] for award in page["awards"]]
        after = page["next"]
        if after is None:
            break
    assert sorted(seen) == [str(learner) for learner in learners]


@pytest.mark.parametrize("after", ["x", "1.2", "1." + "0" * 40, "1", "9" * 30 + "." + "0" * 32])
def test_a_cursor_made_up_is_refused(school: School, after: str) -> None:
    school.get("/v1/awards", params={"after": after}, status=400)


@pytest.mark.parametrize("missing", ["decision", "author", "role", "reason"])
def test_a_decision_names_its_author_role_and_reason(school: School, missing: str) -> None:
    body = {"decision": "grant", "author": "p-1", "role": "principal", "reason": "Seen."}
    del body[missing]
    problem = school.call("POST", f"/v1/awards/{uuid4()}/decisions", "registrar", json=body, status=400)
    assert problem["pointer"] == f"/{missing}"


def test_a_decision_about_an_award_nobody_knows_is_not_found(school: School) -> None:
    school.decide(str(uuid4()), "grant", status=404)


def test_an_award_cannot_be_decided_twice(school: School) -> None:
    school.put("diploma", DIPLOMA)
    school.says(school.met())
    school.settle()
    award = school.awards()[0]["award"]
    school.decide(award, "decline")
    problem = school.decide(award, "grant", status=409)
    assert problem["type"] == "/problems/not-waiting-for-decision"
    assert school.credentials() == []


# ---- what the world reads


def test_a_status_list_keeps_its_tag_until_a_bit_is_set(school: School, issued: Json) -> None:
    path = issued["status_list"].removeprefix("https://credentials.example.org")
    first = school.http.get(path)
    assert first.headers["content-type"] == "application/vc+ld+json"
    again = school.http.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    school.says(school.lapsed())
    school.settle()
    changed = school.http.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (changed.status_code, changed.headers["etag"] != first.headers["etag"]) == (200, True)


def test_a_status_list_is_signed_anew_before_it_goes_stale(school: School, issued: Json) -> None:
    path = issued["status_list"].removeprefix("https://credentials.example.org")
    first = body_of(school.http.get(path).content)
    school.clock.pass_by(hours=30)
    second = body_of(school.http.get(path).content)
    assert first["validUntil"] < second["validFrom"] < second["validUntil"]


def test_a_list_nobody_published_is_not_found(school: School) -> None:
    school.call("GET", "/status/delta.0.99", status=404)


def test_an_issuers_did_document_has_absolute_ids_and_string_assertion_methods(school: School) -> None:
    school.call("GET", "/delta/did.json", status=404)
    school.put()
    did = school.call("GET", "/delta/did.json")
    [method] = did["verificationMethod"]
    assert did["id"] == method["controller"] == "did:web:credentials.example.org:delta"
    assert did["assertionMethod"] == [method["id"]]
    assert method["id"].startswith(did["id"] + "#")
    school.call("GET", "/.well-known/did.json", status=404)


def test_one_tenant_may_be_the_host_itself(tmp_path: Any) -> None:
    school = School(tmp_path, settings={"root_tenant": "delta", "issuer_url": "http://localhost:8803"})
    school.put()
    assert school.call("GET", "/.well-known/did.json")["id"] == "did:web:localhost%3A8803"
    school.call("GET", "/delta/did.json", status=404)
    school.service.close()


# ---- a verdict on anyone's


def test_our_own_credential_is_judged_with_our_own_key_and_list(school: School, issued: Json) -> None:
    credential = body_of(school.content(issued))
    verdict = school.call("POST", "/v1/verify", json=credential)
    assert (verdict["verified"], verdict["key_from"], verdict["revoked"]) == (True, "issuer", False)
    school.says(school.lapsed())
    school.settle()
    verdict = school.call("POST", "/v1/verify", json=credential)
    assert (verdict["verified"], verdict["revoked"], verdict["reasons"][0]["code"]) == (False, True, "revoked")


def test_a_stale_bundle_of_ours_does_not_hide_a_revocation(school: School, issued: Json) -> None:
    bundle = school.bundle(issued)
    school.says(school.lapsed())
    school.settle()
    assert school.call("POST", "/v1/verify", json=bundle)["revoked"] is True


def test_a_strangers_bundle_is_judged_by_what_it_brings(school: School, tmp_path: Any) -> None:
    other = School(tmp_path / "other", settings={"issuer_url": "https://other.example"})
    other.put()
    other.says(other.met())
    other.settle()
    bundle = other.bundle(other.credentials()[0])
    verdict = school.call("POST", "/v1/verify", json=bundle)
    assert (verdict["verified"], verdict["key_from"]) == (True, "bundle")
    bare = school.call("POST", "/v1/verify", json=bundle["credential"])
    assert bare["reasons"][0]["code"] == "did-document-missing"
    other.service.close()


@pytest.mark.parametrize("raw", [b"", b"{", b'{"a": 1, "a": 1}', b'"\\ud800"', b"[" * 99, b"\x00"])
def test_what_is_no_json_is_a_400(school: School, raw: bytes) -> None:
    school.call("POST", "/v1/verify", content=raw, status=400)


@pytest.mark.parametrize(
    "document", [1, None, [], {}, {"credential": None}, {"type": "VerifiableCredential"}, {"issuer": "did:web:"}]
)
def test_what_is_no_credential_gets_a_verdict(school: School, document: object) -> None:
    verdict = school.call("POST", "/v1/verify", content=json.dumps(document))
    assert (verdict["verified"], verdict["reasons"][0]["code"]) == (False, "not-a-credential")


def test_a_document_too_large_is_a_413(school: School) -> None:
    school.call("POST", "/v1/verify", content=b'"' + b"x" * 2_000_000 + b'"', status=413)
