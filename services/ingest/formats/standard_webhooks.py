"""Standard Webhooks 1.0.0: verify a message on its raw bytes, by either scheme, with any valid key of the source."""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.runtime.keyed_digest import KeyedDigest
from services.runtime.problems import Refusal

TOLERANCE: Final = timedelta(minutes=5)
SIGNATURE_HEADER_CHARACTERS_MAX: Final = 4096
SIGNATURES_MAX: Final = 20

# No dot in the id: it ends where the timestamp begins, so a dot would let another message's signature fit.
MESSAGE_ID: Final = re.compile(r"[A-Za-z0-9_:-]{1,200}", re.ASCII)
TIMESTAMP: Final = re.compile(r"0|[1-9][0-9]{0,11}", re.ASCII)
# Well-formed entries of the list; a proxy may have joined two headers with a comma. What does not fit is skipped.
SIGNATURE: Final = re.compile(
    r"(?<![^ ,])(?:(?P<v1>v1),(?P<mac>[A-Za-z0-9+/]{43}=)|(?P<v1a>v1a),(?P<edd>[A-Za-z0-9+/]{86}==))(?![^ ,])", re.ASCII
)

# The points of ed25519 of order 1, 2, 4 and 8 as keys are written (the sign bit aside): anybody can sign for them.
SMALL_ORDER: Final = frozenset(
    bytes.fromhex(text)
    for text in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)

Kind = Literal["v1", "v1a"]


class SignatureRefused(Refusal):
    """The webhook is not verified."""

    status = 401


class WebhookHeaderMissing(SignatureRefused):
    """A webhook carries webhook-id, webhook-timestamp and webhook-signature, each once."""

    status = 400


class WebhookIdMalformed(SignatureRefused):
    """A webhook-id is 1 to 200 letters, digits, dashes, colons and underscores, without dots."""

    status = 400


class WebhookTimestampMalformed(SignatureRefused):
    """A webhook-timestamp is whole seconds since 1970, in digits."""

    status = 400


class WebhookTimestampOutOfTolerance(SignatureRefused):
    """The webhook was signed too long ago, or the sender's clock is ahead."""


class TooManySignatures(SignatureRefused):
    """The list of signatures is longer than any rotation needs."""

    status = 400


class SignatureNotValid(SignatureRefused):
    """No signature of the list was made with a key that is valid for this source now."""


class WebhookKeyMalformed(Refusal):
    """A webhook key is whsec_, whsk_ or whpk_ and base64 of the right length."""


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """One key of a source's ring: an HMAC secret (`v1`) or an ed25519 public key (`v1a`), and when it is valid."""

    kind: Kind
    key: bytes
    not_before: datetime | None = None
    not_after: datetime | None = None
    keyed: KeyedDigest | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keyed", KeyedDigest(self.key) if self.kind == "v1" else None)

    @classmethod
    def parse(cls, text: str, not_before: datetime | None = None, not_after: datetime | None = None) -> "VerifyKey":
        """From `whsec_` (24 to 64 bytes) or `whpk_` (32 bytes)."""
        if text.startswith("whsec_"):
            return cls("v1", _decoded(text, "whsec_", range(24, 65)), not_before, not_after)
        public = _decoded(text, "whpk_", range(32, 33))
        if _is_small_order(public):
            raise WebhookKeyMalformed("anybody could sign for this public key")
        return cls("v1a", public, not_before, not_after)

    def valid_at(self, now: datetime) -> bool:
        """From `not_before` until just before `not_after`."""
        begun = self.not_before is None or self.not_before <= now
        return begun and (self.not_after is None or now < self.not_after)


def verify(
    headers: Mapping[str, str],
    body: bytes,
    keys: Sequence[VerifyKey],
    now: datetime,
    tolerance: timedelta = TOLERANCE,
) -> str:
    """The message id, or a `SignatureRefused`; header names in lower case (or any case-insensitive mapping)."""
    message_id, timestamp = _header(headers, "webhook-id"), _header(headers, "webhook-timestamp")
    if MESSAGE_ID.fullmatch(message_id) is None:
        raise WebhookIdMalformed
    if TIMESTAMP.fullmatch(timestamp) is None:
        raise WebhookTimestampMalformed
    signatures = _signatures(_header(headers, "webhook-signature"))
    if abs(now.timestamp() - int(timestamp)) > tolerance.total_seconds():
        raise WebhookTimestampOutOfTolerance
    if not _any_fits(
        signatures, (f"{message_id}.{timestamp}.".encode(), body), [key for key in keys if key.valid_at(now)]
    ):
        raise SignatureNotValid
    return message_id


def sign(secret: str, message_id: str, at: datetime, body: bytes) -> str:
    """One entry of the signature list, with `whsec_` or `whsk_`; what a sender does."""
    signed = f"{message_id}.{int(at.timestamp())}.".encode() + body
    if secret.startswith("whsec_"):
        return "v1," + _mac(KeyedDigest(_decoded(secret, "whsec_", range(24, 65))), signed)
    seed = _decoded(secret, "whsk_", range(64, 65))[:32]
    return "v1a," + base64.b64encode(Ed25519PrivateKey.from_private_bytes(seed).sign(signed)).decode()


def signed_headers(secrets: Sequence[str], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of a message signed with each of the secrets, as while keys are rotated."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(sign(secret, message_id, at, body) for secret in secrets),
    }


def public_key_of(secret: str) -> str:
    """The `whpk_` a sender registers for its `whsk_`."""
    return "whpk_" + base64.b64encode(_decoded(secret, "whsk_", range(64, 65))[32:]).decode()


def _header(headers: Mapping[str, str], name: str) -> str:
    repeated = getattr(headers, "getlist", None)
    values = repeated(name) if repeated else [headers[name]] if name in headers else []
    if not values or (len(values) > 1 and name != "webhook-signature"):
        raise WebhookHeaderMissing(header=name)
    return " ".join(values)


def _signatures(header: str) -> list[tuple[Kind, str]]:
    if len(header) > SIGNATURE_HEADER_CHARACTERS_MAX:
        raise TooManySignatures
    found: list[tuple[Kind, str]] = []
    for entry in SIGNATURE.finditer(header):
        found.append(("v1", entry["mac"]) if entry["v1"] else ("v1a", entry["edd"]))
    if len(found) > SIGNATURES_MAX:
        raise TooManySignatures
    return found


def _any_fits(signatures: Sequence[tuple[Kind, str]], signed: tuple[bytes, bytes], keys: Sequence[VerifyKey]) -> bool:
    """Each comparison takes the same time wherever the first difference is."""
    macs = [_mac(key.keyed, *signed) for key in keys if key.keyed is not None]
    publics = [key.key for key in keys if key.kind == "v1a"]
    return any(
        any(hmac.compare_digest(mac, text) for mac in macs)
        if kind == "v1"
        else any(_ed25519_fits(public, text, b"".join(signed)) for public in publics)
        for kind, text in signatures
    )


def _ed25519_fits(public: bytes, text: str, signed: bytes) -> bool:
    if _is_small_order(public):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(base64.b64decode(text), signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def _is_small_order(public: bytes) -> bool:
    return public[:-1] + bytes([public[-1] & 0x7F]) in SMALL_ORDER


def _mac(key: KeyedDigest, *signed: bytes) -> str:
    return base64.b64encode(key.of(*signed)).decode()


def _decoded(text: str, prefix: str, lengths: range) -> bytes:
    try:
        key = base64.b64decode(text.removeprefix(prefix), validate=True)
    except (binascii.Error, ValueError):
        raise WebhookKeyMalformed from None
    if not text.startswith(prefix) or len(key) not in lengths:
        raise WebhookKeyMalformed
    return key
