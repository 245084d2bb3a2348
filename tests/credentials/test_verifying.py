"""What our verifier believes, for how long, on whose word, and at what cost."""

import gzip
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.credentials.formats.status_list import BITS, VALID_FOR, decode, encode, is_set
from services.credentials.signing.base58 import from_multibase, from_multikey, to_multibase, to_multikey
from services.credentials.signing.errors import NotSignable
from services.credentials.signing.quads import to_quads
from services.credentials.verifying.file import verify_bundle, verify_file
from services.credentials.verifying.verify import verify
from tests.credentials import samples
from tests.credentials.samples import NOON

Json = dict[str, Any]
Change = Callable[[Json], object]


def codes(document: object, did: object, statuses: object = None, at: Any = NOON) -> list[str]:
    return [reason.code for reason in verify(document, did, statuses, now=at).reasons]


def bundle() -> Json:
    return {"credential": samples.credential(), "didDocument": samples.did(), "statusList": samples.revocations()}


# ---- files and bundles


def test_a_bundle_verifies_offline_and_says_whose_word_its_key_rests_on(tmp_path: Path) -> None:
    file = tmp_path / "bundle.json"
    file.write_text(json.dumps(bundle()))
    verdict = verify_file(file, now=NOON)
    assert verdict.verified
    assert verdict.key_from == "bundle"
    assert set(verdict.as_json()["checks"].values()) == {"passed"}  # type: ignore[attr-defined]


def test_a_did_document_given_by_itself_goes_before_the_one_in_the_bundle(tmp_path: Path) -> None:
    files = {name: tmp_path / f"{name}.json" for name in ("bundle", "did")}
    files["bundle"].write_text(json.dumps(bundle()))
    files["did"].write_text(json.dumps(samples.did(key=Ed25519PrivateKey.from_private_bytes(b"o" * 32))))
    verdict = verify_file(files["bundle"], did=files["did"], now=NOON)
    assert (verdict.key_from, [reason.code for reason in verdict.reasons]) == ("given", ["signature-wrong"])


def test_a_bare_credential_needs_its_issuers_document_and_list(tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("credential", "didDocument", "statusList")}
    for name, file in files.items():
        file.write_text(json.dumps(bundle()[name]))
    did, status = files["didDocument"], files["statusList"]
    assert verify_file(files["credential"], did, status, now=NOON).verified
    missing_list = verify_file(files["credential"], did, now=NOON)
    assert [reason.code for reason in missing_list.reasons] == ["status-list-missing"]
    missing_did = verify_file(files["credential"], now=NOON)
    assert [reason.code for reason in missing_did.reasons] == ["did-document-missing"]


@pytest.mark.parametrize(
    "raw", [b"", b"{", b'{"a": 1, "a": 2}', b"\xff", b'{"a": NaN}', b"[" * 100, b"[]", b'"text"', b"{}", b"null"]
)
def test_what_is_no_credential_gets_a_verdict_and_no_traceback(tmp_path: Path, raw: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(raw)
    verdict = verify_file(file, now=NOON)
    assert not verdict.verified
    assert verdict.reasons[0].code in {"malformed", "not-a-credential"}


def test_a_file_that_is_not_there_is_not_verified(tmp_path: Path) -> None:
    assert [reason.code for reason in verify_file(tmp_path / "none", now=NOON).reasons] == ["malformed"]


# ---- when, and whose key


def test_a_credential_holds_from_its_first_to_its_last_instant() -> None:
    until = NOON + timedelta(days=30)
    credential, late = samples.credential(valid_until=until), until + timedelta(hours=1)
    fresh = samples.revocations()
    assert codes(credential, samples.did(), fresh, NOON - timedelta(hours=1)) == ["not-yet-valid"]
    assert codes(credential, samples.did(), fresh) == []
    assert codes(credential, samples.did(), fresh, late) == ["expired"]


def test_a_list_gone_stale_fails_closed() -> None:
    stale = NOON + VALID_FOR + timedelta(hours=1)
    assert codes(samples.credential(), samples.did(), samples.revocations(), stale) == ["status-list-stale"]


DID_DEFECTS: list[tuple[str, Change, str]] = [
    ("another id", lambda did: did.update(id="did:web:elsewhere"), "did-document-of-another"),
    ("no methods", lambda did: did.update(verificationMethod=[]), "key-not-found"),
    ("methods not a list", lambda did: did.update(verificationMethod={"id": 1}), "did-document-malformed"),
    (
        "another controller",
        lambda did: did["verificationMethod"][0].update(controller="did:web:x"),
        "key-not-of-issuer",
    ),
    ("not for assertions", lambda did: did.update(assertionMethod=[]), "key-not-for-assertions"),
    ("revoked", lambda did: did["verificationMethod"][0].update(revoked="2026-01-01T00:00:00Z"), "key-not-supported"),
    ("another kind", lambda did: did["verificationMethod"][0].update(type="JsonWebKey"), "key-not-supported"),
    ("no key", lambda did: did["verificationMethod"][0].update(publicKeyMultibase="zz"), "key-not-supported"),
    ("P-256 key", lambda did: did["verificationMethod"][0].update(publicKeyMultibase="zDnae"), "key-not-supported"),
]


@pytest.mark.parametrize(("change", "code"), [one[1:] for one in DID_DEFECTS], ids=[one[0] for one in DID_DEFECTS])
def test_a_did_document_with_one_defect_is_not_believed(change: Change, code: str) -> None:
    did = samples.did()
    change(did)
    assert codes(samples.credential(), did, samples.revocations()) == [code]


# ---- status lists


def subject_of(statuses: Json) -> Json:
    found: Json = statuses["credentialSubject"]
    return found


def resigned(change: Change) -> Json:
    """The list with the issuer's own signature over a defect."""
    statuses = {name: value for name, value in samples.revocations().items() if name != "proof"}
    change(statuses)
    return samples.signed(statuses)


LIST_DEFECTS: list[tuple[str, Change, str]] = [
    ("another list", lambda one: one.update(id="https://credentials.example.org/status/x"), "status-list-another"),
    ("suspension", lambda one: subject_of(one).update(statusPurpose="suspension"), "status-list-another"),
    (
        "too short",
        lambda one: subject_of(one).update(encodedList=packed(bytes(BITS // 8 - 1))),
        "status-list-too-short",
    ),
    ("not gzip", lambda one: subject_of(one).update(encodedList="uAAAA"), "status-list-malformed"),
    ("not base64", lambda one: subject_of(one).update(encodedList="u!!!!"), "status-list-malformed"),
    (
        "a bomb",
        lambda one: subject_of(one).update(encodedList=packed(bytes(64 * 1024 * 1024))),
        "status-list-malformed",
    ),
]


def packed(bits: bytes) -> str:
    return "u" + urlsafe_b64encode(gzip.compress(bits, mtime=0)).decode().rstrip("=")


@pytest.mark.parametrize(("change", "code"), [one[1:] for one in LIST_DEFECTS], ids=[one[0] for one in LIST_DEFECTS])
def test_a_list_with_one_defect_is_not_believed_even_when_signed(change: Change, code: str) -> None:
    assert codes(samples.credential(), samples.did(), resigned(change)) == [code]


@pytest.mark.parametrize("index", ["-1", "1.5", "0x10", "", "9" * 10, 7, None, "४"])
def test_an_index_that_is_no_decimal_is_not_believed(index: object) -> None:
    document = {name: value for name, value in samples.credential().items() if name != "proof"}
    document["credentialStatus"]["statusListIndex"] = index
    try:
        credential = samples.signed(document)
    except NotSignable:
        credential = document | {"proof": samples.credential()["proof"]}
    assert codes(credential, samples.did(), samples.revocations())[0] in {
        "status-not-supported", "value-not-signable",
    }  # fmt: skip


def test_the_list_is_as_long_as_the_standard_asks_and_index_zero_is_the_left_most_bit() -> None:
    bits = decode(encode([0, BITS - 1]))
    assert len(bits) == 16 * 1024
    assert (bits[0], bits[-1]) == (0x80, 0x01)
    assert [index for index in range(BITS) if is_set(bits, index)] == [0, BITS - 1]


def test_the_same_bits_are_the_same_text() -> None:
    assert encode([5, 9]) == encode([9, 5, 5])


# ---- what may be signed, and what verifying may cost

UNSIGNABLE: list[tuple[str, Change, str]] = [
    ("control character", lambda doc: doc.update(name="form\x0cfeed"), "control-character"),
    ("lone surrogate", lambda doc: doc.update(name="\ud800"), "control-character"),
    ("null", lambda doc: doc.update(name=None), "value-not-signable"),
    ("float", lambda doc: doc.update(name=1e-7), "value-not-signable"),
    ("huge number", lambda doc: doc.update(name=2**60), "value-not-signable"),
    ("empty array", lambda doc: doc.update(evidence=[]), "empty-array"),
    ("empty object", lambda doc: doc.update(evidence=[{}]), "empty-object"),
    ("list in a list", lambda doc: doc.update(evidence=[[{"type": ["Evidence"]}]]), "not-an-absolute-iri"),
    ("mixed texts", lambda doc: doc.update(name=["🦺", "ﬀ"]), "text-many-and-not-ascii"),
    ("undefined term", lambda doc: doc.update(motto="x"), "term-not-defined"),
    ("undefined type", lambda doc: doc["type"].append("Honours"), "type-not-defined"),
    ("relative id", lambda doc: doc.update(id="../credential"), "not-an-absolute-iri"),
    ("blank node id", lambda doc: doc.update(id="_:b0"), "not-an-absolute-iri"),
    ("id that is not ASCII", lambda doc: doc.update(id="urn:溶接"), "not-an-absolute-iri"),
    ("keyword", lambda doc: doc.update({"@graph": []}), "term-not-defined"),
    ("inner context", lambda doc: doc["evidence"][0].update({"@context": {}}), "term-not-defined"),
    ("context of their own", lambda doc: doc["@context"].append({"motto": "urn:motto"}), "context-not-known"),
    ("unknown context", lambda doc: doc["@context"].append("https://example.org/c"), "context-not-known"),
    ("no context", lambda doc: doc.pop("@context"), "context-missing"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "code"), [one[1:] for one in UNSIGNABLE], ids=[one[0] for one in UNSIGNABLE])
def test_what_two_readers_could_read_apart_is_neither_signed_nor_believed(change: Change, code: str) -> None:
    credential = samples.credential()
    change(credential)
    with pytest.raises(NotSignable) as refused:
        to_quads({name: value for name, value in credential.items() if name != "proof"})
    assert refused.value.code == code
    assert codes(credential, samples.did(), samples.revocations()) == [code]


def deep(levels: int) -> Json:
    node: Json = {"type": ["Evidence"]}
    for _ in range(levels):
        node = {"type": ["Achievement"], "alignment": [node]}
    return node


def poison(siblings: int) -> list[Json]:
    """Two nodes alike whose members differ only two steps away: labelled by brute force, a factorial of work."""

    def member(number: int) -> Json:
        told = {"type": ["Alignment"], "targetCode": str(number)}
        return {"type": ["Alignment"], "alignment": [{"type": ["Alignment"], "alignment": [told]}]}

    return [{"type": ["Alignment"], "alignment": [member(n) for n in range(siblings)]} for _ in range(2)]


COSTLY: list[tuple[str, Change]] = [
    ("deep", lambda doc: doc.update(alignment=[deep(30)])),
    ("wide", lambda doc: doc.update(alignment=[{"type": ["Alignment"], "targetCode": str(n)} for n in range(5000)])),
    ("poison", lambda doc: doc.update(alignment=poison(60))),
]


@pytest.mark.parametrize("change", [one[1] for one in COSTLY], ids=[one[0] for one in COSTLY])
def test_a_credential_made_to_be_costly_is_refused_within_seconds(change: Change) -> None:
    credential = samples.credential()
    change(credential)
    began = time.process_time()
    assert codes(credential, samples.did(), samples.revocations()) == ["too-complex"]
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "proof",
    [
        None,
        [],
        "x",
        [1],
        {},
        [{"type": "DataIntegrityProof"}],
        [{"type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022"}],
    ],
)
def test_a_proof_that_is_none_is_refused_by_name(proof: object) -> None:
    credential = samples.credential() | {"proof": proof}
    assert codes(credential, samples.did(), samples.revocations())[0] in {"proof-missing", "proof-not-supported"}


def test_a_second_proof_or_an_unread_member_of_the_proof_is_refused() -> None:
    credential = samples.credential()
    credential["proof"] = credential["proof"] * 2
    assert codes(credential, samples.did(), samples.revocations()) == ["proof-not-supported"]
    credential = samples.credential()
    credential["proof"][0]["@context"] = "https://www.w3.org/ns/credentials/v2"
    assert codes(credential, samples.did(), samples.revocations()) == ["term-not-defined"]


def test_verifying_changes_nothing_it_was_given() -> None:
    before = bundle()
    given = json.loads(json.dumps(before))
    verify_bundle(given, now=NOON)
    assert given == before


# ---- keys as text


@pytest.mark.parametrize("raw", [b"", b"\0\0", b"\0\xff", bytes(range(64)), b"\xff" * 64])
def test_base58_gives_back_what_it_took(raw: bytes) -> None:
    assert from_multibase(to_multibase(raw)) == raw


def test_a_multikey_names_its_key() -> None:
    key = samples.KEY.public_key()
    assert to_multikey(key).startswith("z6Mk")
    assert from_multikey(to_multikey(key)).public_bytes_raw() == key.public_bytes_raw()


def test_published_base58_vectors_hold() -> None:
    assert to_multibase(b"Hello World!") == "z2NEpo7TZRRrLZSi2U"
    assert to_multibase(b"The quick brown fox jumps over the lazy dog.") == (
        "zUSm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z"
    )
    assert to_multibase(bytes.fromhex("0000287fb4cd")) == "z11233QC4"
