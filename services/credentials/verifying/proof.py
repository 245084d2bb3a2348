"""Whether the issuer signed a document: one Data Integrity proof, checked against the issuer's own keys."""

from collections.abc import Mapping
from typing import Any

from services.credentials.signing.data_integrity import CRYPTOSUITE, signature_holds
from services.credentials.signing.errors import NotSignable
from services.credentials.verifying.keys import issuer_id, issuer_key
from services.credentials.verifying.verdict import Outcome, Unbelievable, Verdict

PROOF_MEMBERS = {"type", "cryptosuite", "created", "verificationMethod", "proofPurpose", "proofValue"}


def check_proof(document: Mapping[str, Any], did_document: object, verdict: Verdict) -> None:
    """Raise Unbelievable unless the document is signed by a key its issuer lists; the checks made are noted."""
    proof = _proof(document)
    verdict.checks["shape"] = Outcome.PASSED
    verdict.issuer = issuer_id(document)
    verdict.checks["issuer"] = Outcome.FAILED
    key = issuer_key(did_document, verdict.issuer, proof.get("verificationMethod"))
    verdict.checks["issuer"] = Outcome.PASSED
    verdict.checks["signature"] = Outcome.FAILED
    if not _holds(document, proof, key, verdict):
        raise Unbelievable("signature-wrong", "The document is not what the issuer signed.", "/proof/proofValue")
    verdict.checks["signature"] = Outcome.PASSED


def _holds(document: Mapping[str, Any], proof: Mapping[str, Any], key: Any, verdict: Verdict) -> bool:
    try:
        return signature_holds(document, proof, key)
    except NotSignable as refused:
        verdict.checks["shape"] = Outcome.FAILED
        raise Unbelievable(refused.code, "The signature would not cover what stands here.", refused.pointer) from None


def _proof(document: Mapping[str, Any]) -> Mapping[str, Any]:
    proofs = document.get("proof")
    proofs = proofs if isinstance(proofs, list) else [proofs]
    if not proofs or not isinstance(proofs[0], dict):
        raise Unbelievable("proof-missing", "The document carries no proof.", "/proof")
    if len(proofs) > 1:
        raise Unbelievable("proof-not-supported", "Exactly one proof is read.", "/proof/1")
    proof: Mapping[str, Any] = proofs[0]
    if proof.get("type") != "DataIntegrityProof" or proof.get("cryptosuite") != CRYPTOSUITE:
        raise Unbelievable("proof-not-supported", f"Only {CRYPTOSUITE} is read.", "/proof/0/cryptosuite")
    if proof.get("proofPurpose") != "assertionMethod":
        raise Unbelievable("proof-purpose-wrong", "The proof was not made to assert.", "/proof/0/proofPurpose")
    for name in proof.keys() - PROOF_MEMBERS:
        raise Unbelievable("term-not-defined", "The proof says what is not read.", f"/proof/0/{name}"[:200])
    return proof
