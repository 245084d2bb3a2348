"""Tags are plain HMAC-SHA-256, though reckoned from hashes begun beforehand."""

import hmac
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.claims import ClaimedAssessor
from services.ingest.use_cases.tags import TAG_BYTES, Tags
from tests.ingest.test_claims_records import claim

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
TIMES = st.datetimes(timezones=st.timezones())


@pytest.mark.parametrize("value", [b"", b"x", b"x" * 64, b"x" * 1000])
def test_a_tag_is_hmac_sha_256_as_the_standard_library_has_it(value: bytes) -> None:
    secret = bytes(range(32))
    assert Tags(Secrets(), "maple").content(value) == hmac.digest(secret, value, "sha256")[:TAG_BYTES]


@given(TEXT, TEXT | st.none(), st.integers(0, 10_000) | st.none(), st.booleans(), TIMES, TIMES | st.none())
def test_the_tag_of_a_claim_is_that_of_its_content(text, comment, attempt, observed, at, expires) -> None:
    """Records that were stored are compared with it for ever."""
    said = replace(claim(), competency=text, comment=comment, attempt=attempt, observed=observed, occurred_at=at)
    said = replace(said, assessor=ClaimedAssessor(text, "mentor", text), expires_at=expires)
    tags = Tags(Secrets(), "maple")
    assert tags.claim(said) == tags.content(said.content())


class Secrets:
    """The one thing tags ask of a key store."""

    def tenant_secret(self, tenant: str, purpose: str) -> bytes:
        return bytes(range(32))
