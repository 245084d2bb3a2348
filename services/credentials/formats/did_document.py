"""The issuer's did:web document: absolute ids, `assertionMethod` as strings, one Multikey an entry."""

from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.credentials.formats.issuer import Issuer
from services.credentials.signing.base58 import to_multikey

DID_CONTEXTS = ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"]


def did_document(issuer: Issuer, keys: Mapping[str, Ed25519PublicKey]) -> dict[str, object]:
    """Every key that may have signed for this issuer, by its id."""
    return {
        "@context": DID_CONTEXTS,
        "id": issuer.did,
        "verificationMethod": [
            {
                "id": issuer.key_url(key_id),
                "type": "Multikey",
                "controller": issuer.did,
                "publicKeyMultibase": to_multikey(key),
            }
            for key_id, key in keys.items()
        ],
        "assertionMethod": [issuer.key_url(key_id) for key_id in keys],
    }
