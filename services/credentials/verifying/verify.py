"""Verify a credential with what is at hand: its issuer's DID document and status list. No network, bounded cost."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.credentials.verifying.period import check_period
from services.credentials.verifying.proof import check_proof
from services.credentials.verifying.status import is_revoked
from services.credentials.verifying.verdict import Outcome, Unbelievable, Verdict


def verify(
    document: object,
    did_document: object,
    status_list: object = None,
    *,
    now: datetime,
    key_from: str | None = None,
) -> Verdict:
    """Every check that can be made, in order; the first that fails for good ends it.

    `key_from` is noted in the verdict: a DID document that came in one file with the credential proves only
    that the two fit each other, and whoever relies on it must compare it with the one the issuer publishes.
    """
    verdict = Verdict(now, key_from=key_from)
    try:
        _check(document, did_document, status_list, verdict)
    except Unbelievable as fault:
        verdict.reasons.append(fault.reason)
    return verdict


def _check(document: object, did_document: object, status_list: object, verdict: Verdict) -> None:
    verdict.checks["shape"] = Outcome.FAILED
    credential = _credential(document)
    verdict.credential = credential["id"] if isinstance(credential.get("id"), str) else None
    check_proof(credential, did_document, verdict)
    verdict.checks["period"] = Outcome.FAILED
    check_period(credential, verdict.checked_at)
    verdict.checks["period"] = Outcome.PASSED
    if "credentialStatus" in credential:
        _check_status(credential, status_list, did_document, verdict)


def _credential(document: object) -> Mapping[str, Any]:
    if not isinstance(document, dict):
        raise Unbelievable("not-a-credential", "A JSON object is wanted.")
    types = document.get("type")
    if "VerifiableCredential" not in (types if isinstance(types, list) else [types]):
        raise Unbelievable("not-a-credential", "It does not say it is a verifiable credential.", "/type")
    if not isinstance(document.get("credentialSubject"), dict):
        raise Unbelievable("not-a-credential", "It has no single subject.", "/credentialSubject")
    return document


def _check_status(credential: Mapping[str, Any], status_list: object, did_document: object, verdict: Verdict) -> None:
    verdict.checks["status"] = Outcome.FAILED
    verdict.revoked = is_revoked(credential, status_list, did_document, verdict.checked_at)
    if verdict.revoked:
        raise Unbelievable("revoked", "The issuer revoked the credential.", "/credentialStatus")
    verdict.checks["status"] = Outcome.PASSED
