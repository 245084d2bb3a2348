"""Each forgery is refused, by a verifier nobody here wrote and by ours, while its unforged twin is accepted."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.credentials.formats.issuer import issuer_of
from services.credentials.signing.base58 import to_multikey
from services.credentials.verifying.verify import verify
from tests.credentials import samples
from tests.credentials.node import ask
from tests.credentials.school import ANA, BEN, DIPLOMA, School

pytestmark = pytest.mark.node
Json = dict[str, Any]

NOW = "2026-09-01T12:00:00Z"
MALLORY = issuer_of("https://credentials.example.org", "mallory")
MALLORY_KEY = Ed25519PrivateKey.from_private_bytes(b"m" * 32)


@dataclass
class Case:
    """A credential and what a verifier has at hand."""

    credential: Json
    did: Json
    statuses: Json

    def documents(self) -> Json:
        """By the URL a verifier would ask for."""
        dids = {one["id"]: one for one in (self.did, samples.did(MALLORY, MALLORY_KEY))}
        return dids | {self.statuses["id"]: self.statuses}


def genuine() -> Case:
    return Case(samples.credential(), samples.did(), samples.revocations())


Forge = Callable[[Case], None]
FORGERIES: list[tuple[str, Forge, str, str]] = []


def forgery(npm_error: str, our_code: str) -> Callable[[Forge], Forge]:
    """Register a forgery with the reason each verifier has to give."""

    def register(forge: Forge) -> Forge:
        FORGERIES.append((forge.__name__, forge, npm_error, our_code))
        return forge

    return register


def subject(case: Case) -> Json:
    found: Json = case.credential["credentialSubject"]
    return found


@forgery("Invalid signature", "signature-wrong")
def a_higher_level(case: Case) -> None:
    levels = subject(case)["achievement"]["resultDescription"][0]["rubricCriterionLevel"]
    subject(case)["result"][0]["achievedLevel"] = levels[-1]["id"]


@forgery("Invalid signature", "signature-wrong")
def another_learner(case: Case) -> None:
    subject(case)["identifier"][0]["identityHash"] = "sha256$" + "0" * 64


@forgery("Invalid signature", "signature-wrong")
def evidence_left_out(case: Case) -> None:
    case.credential["evidence"].pop()


@forgery("Invalid signature", "signature-wrong")
def an_earlier_date(case: Case) -> None:
    case.credential["validFrom"] = "2020-01-01T00:00:00Z"


@forgery("Invalid signature", "signature-wrong")
def a_lower_bar(case: Case) -> None:
    levels = subject(case)["achievement"]["resultDescription"][0]
    levels["requiredLevel"] = levels["rubricCriterionLevel"][0]["id"]


@forgery("Invalid signature", "signature-wrong")
def another_bit_of_the_list(case: Case) -> None:
    case.credential["credentialStatus"]["statusListIndex"] = "7"


@forgery("Credential issuer must match the verification method controller", "key-not-found")
def another_issuer(case: Case) -> None:
    case.credential = samples.signed(unsigned(case.credential), issuer=MALLORY, key=MALLORY_KEY)


@forgery("Invalid signature", "signature-wrong")
def another_key_under_the_issuers_name(case: Case) -> None:
    case.credential = samples.signed(unsigned(case.credential), key=MALLORY_KEY)


@forgery("Not at hand", "key-not-found")
def a_key_in_the_fragment(case: Case) -> None:
    case.credential = samples.signed(unsigned(case.credential), key=MALLORY_KEY)
    proof = case.credential["proof"][0]
    proof["verificationMethod"] = f"{samples.ISSUER.did}#{to_multikey(MALLORY_KEY.public_key())}"


@forgery("Invalid signature", "signature-wrong")
def the_proof_of_another_credential(case: Case) -> None:
    other = samples.credential(credential_id="urn:uuid:00000000-0000-0000-0000-0000000000ff")
    case.credential["proof"] = other["proof"]


@forgery("Safe mode validation error", "term-not-defined")
def a_term_the_signature_would_not_cover(case: Case) -> None:
    subject(case)["honours"] = "summa cum laude"


@forgery("Safe mode validation error", "type-not-defined")
def a_type_the_signature_would_not_cover(case: Case) -> None:
    subject(case)["type"].append("Valedictorian")


@forgery("Did not verify any proofs", "proof-purpose-wrong")
def a_proof_made_for_something_else(case: Case) -> None:
    case.credential["proof"][0]["proofPurpose"] = "authentication"


@forgery("Invalid signature", "signature-wrong")
def a_proof_of_another_day(case: Case) -> None:
    case.credential["proof"][0]["created"] = "2020-01-01T00:00:00Z"


@forgery("not authorized", "key-not-for-assertions")
def a_key_the_issuer_no_longer_asserts_with(case: Case) -> None:
    case.did["assertionMethod"] = []


@forgery(
    "Issuers of the status list credential and verifiable credential do not match", "status-list-of-another-issuer"
)
def a_status_list_by_somebody_else(case: Case) -> None:
    case.statuses = samples.revocations(issuer=MALLORY, key=MALLORY_KEY)


@forgery("The status list does not verify", "status-list-not-believed")
def a_status_list_with_its_bits_cleared(case: Case) -> None:
    revoked, clean = samples.revocations(samples.INDEX), samples.revocations()
    revoked["credentialSubject"]["encodedList"] = clean["credentialSubject"]["encodedList"]
    case.statuses = revoked


def unsigned(document: Json) -> Json:
    return {name: value for name, value in document.items() if name != "proof"}


@pytest.fixture(scope="module")
def npm_verdicts() -> dict[str, Json]:
    """All in one process: each forgery, and first the twin it was made from."""
    cases = {"twin": genuine()}
    for name, forge, _, _ in FORGERIES:
        cases[name] = copy.deepcopy(genuine())
        forge(cases[name])
    jobs = [{"credential": one.credential, "documents": one.documents(), "now": NOW} for one in cases.values()]
    return dict(zip(cases, ask(*jobs), strict=True))


def test_the_unforged_twin_is_accepted_by_both(npm_verdicts: dict[str, Json]) -> None:
    assert npm_verdicts["twin"] == {"verified": True, "revoked": False, "errors": []}
    case = genuine()
    assert verify(case.credential, case.did, case.statuses, now=samples.NOON).verified


@pytest.mark.parametrize(("name", "forge", "npm_error", "our_code"), FORGERIES, ids=[one[0] for one in FORGERIES])
def test_a_forgery_is_refused_by_both_for_the_expected_reason(
    name: str, forge: Forge, npm_error: str, our_code: str, npm_verdicts: dict[str, Json]
) -> None:
    verdict = npm_verdicts[name]
    assert not verdict["verified"]
    assert any(npm_error in error for error in verdict["errors"]), verdict["errors"]
    case = copy.deepcopy(genuine())
    forge(case)
    ours = verify(case.credential, case.did, case.statuses, now=samples.NOON)
    assert [reason.code for reason in ours.reasons] == [our_code]


def test_every_credential_the_service_issues_is_accepted_and_the_revoked_one_seen_as_revoked(school: School) -> None:
    school.put()
    school.put("diploma", DIPLOMA)
    for learner in (ANA, BEN):
        school.says(school.met(), learner)
    school.settle()
    for award in school.awards("proposed"):
        school.decide(award["award"], "grant")
    school.says(school.lapsed(), BEN)
    school.settle()
    issued = [one for learner in (ANA, BEN) for one in school.credentials(learner)]
    verdicts = ask(*(job_of(school.bundle(one)) for one in issued))
    assert [one["achievement"] for one in issued if one["revoked"]] == ["welder"]
    assert verdicts == [{"verified": True, "revoked": one["revoked"], "errors": []} for one in issued]


def job_of(bundle: Json) -> Json:
    """A bundle as a verifier with an empty cache would get it: each document by its own address."""
    documents = {bundle[name]["id"]: bundle[name] for name in ("didDocument", "statusList")}
    return {"credential": bundle["credential"], "documents": documents, "now": NOW}


def test_a_revoked_credential_is_seen_as_revoked_by_both() -> None:
    credential, statuses = samples.credential(), samples.revocations(3, samples.INDEX)
    job = {
        "credential": credential,
        "documents": {samples.ISSUER.did: samples.did(), statuses["id"]: statuses},
        "now": NOW,
    }
    [verdict] = ask(job)
    assert verdict["revoked"] is True
    ours = verify(credential, samples.did(), statuses, now=samples.NOON)
    assert (ours.revoked, [reason.code for reason in ours.reasons]) == (True, ["revoked"])


def test_its_neighbours_bits_revoke_nothing() -> None:
    statuses = samples.revocations(samples.INDEX - 1, samples.INDEX + 1)
    job = {
        "credential": samples.credential(),
        "documents": {samples.ISSUER.did: samples.did(), statuses["id"]: statuses},
        "now": NOW,
    }
    [verdict] = ask(job)
    assert verdict == {"verified": True, "revoked": False, "errors": []}
    assert verify(samples.credential(), samples.did(), statuses, now=samples.NOON).revoked is False
