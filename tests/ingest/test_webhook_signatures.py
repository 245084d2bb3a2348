"""Standard Webhooks: vectors, and what no bytes can make the verifier do."""

import base64
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from services.ingest.formats.standard_webhooks import (
    SMALL_ORDER,
    SignatureRefused,
    VerifyKey,
    WebhookHeaderMissing,
    WebhookKeyMalformed,
    public_key_of,
    sign,
    signed_headers,
    verify,
)

VECTORS = json.loads((Path(__file__).parent / "vectors" / "standard_webhooks.json").read_text())
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SIGNING_KEY = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HEADERS = {"id": "webhook-id", "timestamp": "webhook-timestamp", "signature": "webhook-signature"}


def at(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize("row", VECTORS, ids=[row["name"] for row in VECTORS])
def test_every_vector_is_judged_as_its_row_says(row):
    headers = {header: row[name] for name, header in HEADERS.items() if name in row}
    keys = [VerifyKey.parse(key, at(row.get("not_before")), at(row.get("not_after"))) for key in row["keys"]]
    body = base64.b64decode(row["body"])
    if row["wanted"] == "verified":
        assert verify(headers, body, keys, at(row["now"])) == row["id"]
        return
    with pytest.raises(SignatureRefused) as refused:
        verify(headers, body, keys, at(row["now"]))
    assert refused.value.slug() == row["wanted"]
    assert refused.value.status in {400, 401}


def test_the_vectors_hold_enough_of_either_kind():
    wanted = [row["wanted"] == "verified" for row in VECTORS]
    assert (len(wanted) >= 60, wanted.count(True) >= 18) == (True, True)


@pytest.mark.parametrize("secret", [SECRET, SIGNING_KEY])
def test_what_is_signed_is_verified_and_a_flipped_bit_is_not(secret):
    key = VerifyKey.parse(public_key_of(secret) if secret.startswith("whsk_") else secret)
    headers = signed_headers([secret], "msg_1", NOW, b"body")
    assert verify(headers, b"body", [key], NOW) == "msg_1"
    with pytest.raises(SignatureRefused):
        verify(headers, b"bodx", [key], NOW)


def test_during_a_rotation_either_key_verifies():
    new = "whsec_" + base64.b64encode(bytes(32)).decode()
    headers = signed_headers([SECRET, new], "msg_1", NOW, b"")
    for secret in (SECRET, new):
        assert verify(headers, b"", [VerifyKey.parse(secret)], NOW) == "msg_1"


def test_header_names_are_matched_in_any_case_by_the_servers_mapping():
    headers = {name.title(): value for name, value in signed_headers([SECRET], "msg_1", NOW, b"").items()}
    assert verify(Headers(headers), b"", [VerifyKey.parse(SECRET)], NOW) == "msg_1"


def test_a_repeated_id_header_is_refused_and_a_repeated_signature_header_is_one_list():
    signed = signed_headers([SECRET], "msg_1", NOW, b"")
    raw = [(name.encode(), value.encode()) for name, value in signed.items()]
    twice = Headers(raw=[*raw, (b"webhook-signature", b"v1,AAAA")])
    assert verify(twice, b"", [VerifyKey.parse(SECRET)], NOW) == "msg_1"
    with pytest.raises(WebhookHeaderMissing):
        verify(Headers(raw=[*raw, (b"webhook-id", b"msg_2")]), b"", [VerifyKey.parse(SECRET)], NOW)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_" + base64.b64encode(bytes(23)).decode(),
        "whsec_" + base64.b64encode(bytes(65)).decode(),
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
        "whpk_" + base64.b64encode(bytes(31)).decode(),
        "whsk_" + base64.b64encode(bytes(64)).decode(),
        "whsec_é",
    ],
)
def test_a_key_of_another_prefix_or_length_is_refused(text):
    with pytest.raises(WebhookKeyMalformed):
        VerifyKey.parse(text)


@given(st.dictionaries(st.sampled_from([*HEADERS.values(), "other"]), st.text(max_size=80)), st.binary(max_size=64))
def test_no_headers_or_bytes_raise_anything_but_a_refusal(headers, body):
    with pytest.raises(SignatureRefused):
        verify(headers, body, [VerifyKey.parse(SECRET)], NOW)


@pytest.mark.parametrize("point", sorted(SMALL_ORDER), ids=bytes.hex)
@pytest.mark.parametrize("sign_bit", [0, 0x80])
def test_a_public_key_anybody_could_sign_for_is_refused_and_never_verifies(point, sign_bit):
    public = point[:-1] + bytes([point[-1] | sign_bit])
    with pytest.raises(WebhookKeyMalformed):
        VerifyKey.parse("whpk_" + base64.b64encode(public).decode())
    headers = signed_headers([SECRET], "msg_1", NOW, b"x")
    for commitment in SMALL_ORDER:
        headers["webhook-signature"] = "v1a," + base64.b64encode(commitment + bytes(32)).decode()
        with pytest.raises(SignatureRefused):
            verify(headers, b"x", [VerifyKey("v1a", public)], NOW)


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64))
def test_no_public_key_verifies_random_signatures_or_raises(public, signature):
    headers = signed_headers([SECRET], "msg_1", NOW, b"x")
    headers["webhook-signature"] = "v1a," + base64.b64encode(signature).decode()
    with pytest.raises(SignatureRefused):
        verify(headers, b"x", [VerifyKey("v1a", public)], NOW)


def test_a_hostile_signature_list_is_judged_quickly():
    headers = signed_headers([SECRET], "msg_1", NOW, b"x")
    for hostile in ("v1," * 1300, "v1a,A" * 800, "," * 4096, sign(SECRET, "m", NOW, b"y") + " " * 4000):
        headers["webhook-signature"] = hostile
        started = time.perf_counter()
        with pytest.raises(SignatureRefused):
            verify(headers, b"x", [VerifyKey.parse(SECRET)] * 10, NOW)
        assert time.perf_counter() - started < 0.1
