"""Base58 (Bitcoin alphabet) and the multibase and Multikey forms built on it."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
ED25519_PUBLIC = b"\xed\x01"
CHARACTERS_MAX = 200
_VALUE = {character: value for value, character in enumerate(ALPHABET)}
_PAIRS = [a + b for a in ALPHABET for b in ALPHABET]


def encode(raw: bytes) -> str:
    """Two digits a division; leading zero bytes are leading ones."""
    number, text = int.from_bytes(raw, "big"), ""
    while number:
        number, pair = divmod(number, 58 * 58)
        text = _PAIRS[pair] + text
    zeros = len(raw) - len(raw.lstrip(b"\0"))
    return "1" * zeros + text.lstrip("1")


def decode(text: str) -> bytes:
    """The bytes `encode` was given; anything outside the alphabet or too long is refused."""
    if len(text) > CHARACTERS_MAX:
        raise ValueError("too long for a key or a signature")
    number = 0
    for character in text:
        if character not in _VALUE:
            raise ValueError("not base58")
        number = number * 58 + _VALUE[character]
    zeros = len(text) - len(text.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")


def to_multibase(raw: bytes) -> str:
    """`z` and base58."""
    return "z" + encode(raw)


def from_multibase(text: object) -> bytes:
    """Only the base58 form is read."""
    if not isinstance(text, str) or not text.startswith("z"):
        raise ValueError("not base58 multibase")
    return decode(text[1:])


def to_multikey(key: Ed25519PublicKey) -> str:
    """How a DID document writes an Ed25519 public key."""
    return to_multibase(ED25519_PUBLIC + key.public_bytes_raw())


def from_multikey(text: object) -> Ed25519PublicKey:
    """The Ed25519 public key a DID document gives; any other kind is refused."""
    raw = from_multibase(text)
    if len(raw) != 34 or not raw.startswith(ED25519_PUBLIC):
        raise ValueError("not an Ed25519 public key")
    return Ed25519PublicKey.from_public_bytes(raw[2:])
