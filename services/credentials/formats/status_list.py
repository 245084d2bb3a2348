"""Bitstring status lists: which of 131,072 credentials are revoked, compressed the same way every time."""

import base64
import binascii
import gzip
import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from services.credentials.formats.issuer import Issuer
from services.credentials.formats.open_badge import instant
from services.credentials.formats.terms import VC_CONTEXT

BITS = 131_072
BYTES_MAX = 4 * 1024 * 1024  # of anyone's list, decompressed
TTL = timedelta(minutes=5)
VALID_FOR = timedelta(hours=24)  # a list older than this fails closed


def status_list(issuer: Issuer, list_id: str, revoked: Iterable[int], at: datetime) -> dict[str, object]:
    """The list credential before it is signed, by the same issuer as the credentials it speaks of."""
    url = issuer.status_url(list_id)
    return {
        "@context": [VC_CONTEXT],
        "id": url,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": issuer.did,
        "validFrom": instant(at),
        "validUntil": instant(at + VALID_FOR),
        "credentialSubject": {
            "id": f"{url}#list",
            "type": "BitstringStatusList",
            "statusPurpose": "revocation",
            "encodedList": encode(revoked),
            "ttl": TTL // timedelta(milliseconds=1),
        },
    }


def encode(revoked: Iterable[int]) -> str:
    """`u` and base64url of the gzipped bits; index 0 is the left-most bit."""
    bits = bytearray(BITS // 8)
    for index in revoked:
        bits[index // 8] |= 0x80 >> index % 8
    return "u" + base64.urlsafe_b64encode(gzip.compress(bytes(bits), mtime=0)).decode().rstrip("=")


def decode(encoded: str) -> bytes:
    """The bits, never more than `BYTES_MAX` of them in memory; ValueError for anything else."""
    if not encoded.startswith("u"):
        raise ValueError("not base64url multibase")
    try:
        packed = base64.b64decode(encoded[1:] + "=" * (-len(encoded[1:]) % 4), altchars=b"-_", validate=True)
        inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        bits = inflater.decompress(packed, BYTES_MAX + 1)
    except (binascii.Error, zlib.error) as fault:
        raise ValueError("not a gzipped bitstring") from fault
    if not inflater.eof or len(bits) > BYTES_MAX:
        raise ValueError("not one gzipped bitstring of bounded size")
    return bits


def is_set(bits: bytes, index: int) -> bool:
    """Whether the credential at this index is revoked; IndexError beyond the end."""
    return bool(bits[index // 8] & 0x80 >> index % 8)
