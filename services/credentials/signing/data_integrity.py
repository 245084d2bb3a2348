"""Data Integrity proofs, cryptosuite eddsa-rdfc-2022: made and checked, with no clock and no randomness."""

import hashlib
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.credentials.signing.base58 import from_multibase, to_multibase
from services.credentials.signing.canonical import canonical_nquads
from services.credentials.signing.quads import to_quads

CRYPTOSUITE = "eddsa-rdfc-2022"
Document = Mapping[str, object]


def sign(document: Document, key: Ed25519PrivateKey, *, verification_method: str, created: str) -> dict[str, object]:
    """The document with its proof, in an array as both official schemas want; the same input, the same bytes."""
    proof: dict[str, object] = {
        "type": "DataIntegrityProof",
        "cryptosuite": CRYPTOSUITE,
        "created": created,
        "verificationMethod": verification_method,
        "proofPurpose": "assertionMethod",
    }
    proof["proofValue"] = to_multibase(key.sign(signed_bytes(document, proof)))
    return {**document, "proof": [proof]}


def signature_holds(document: Document, proof: Document, key: Ed25519PublicKey) -> bool:
    """Whether the key signed exactly this document under exactly these proof options."""
    try:
        key.verify(from_multibase(proof.get("proofValue")), signed_bytes(document, proof))
    except (InvalidSignature, ValueError):
        return False
    return True


def signed_bytes(document: Document, proof: Document) -> bytes:
    """SHA-256 of the proof options, then SHA-256 of the document, each in canonical N-Quads."""
    unsigned = {name: value for name, value in document.items() if name != "proof"}
    options = {name: value for name, value in proof.items() if name != "proofValue"}
    return digest({**options, "@context": document.get("@context")}) + digest(unsigned)


def digest(document: Document) -> bytes:
    """SHA-256 of the canonical N-Quads."""
    return hashlib.sha256(canonical_nquads(to_quads(document)).encode()).digest()
