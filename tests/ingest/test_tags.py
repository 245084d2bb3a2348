"""Tags are plain HMAC-SHA-256, though reckoned from hashes begun beforehand."""

import hmac

import pytest

from services.ingest.use_cases.tags import TAG_BYTES, Tags


@pytest.mark.parametrize("value", [b"", b"x", b"x" * 64, b"x" * 1000])
def test_a_tag_is_hmac_sha_256_as_the_standard_library_has_it(value: bytes) -> None:
    secret = bytes(range(32))
    assert Tags(Secrets(), "maple").content(value) == hmac.digest(secret, value, "sha256")[:TAG_BYTES]


class Secrets:
    """The one thing tags ask of a key store."""

    def tenant_secret(self, tenant: str, purpose: str) -> bytes:
        return bytes(range(32))
