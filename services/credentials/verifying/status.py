"""Whether a credential's bit is set, in a list its own issuer signed and that is still in force."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.credentials.formats.status_list import BITS, decode, is_set
from services.credentials.verifying.keys import issuer_id
from services.credentials.verifying.period import check_period
from services.credentials.verifying.proof import check_proof
from services.credentials.verifying.verdict import Unbelievable, Verdict

INDEX_DIGITS_MAX = 9


def is_revoked(credential: Mapping[str, Any], status_list: object, did_document: object, now: datetime) -> bool:
    """Raise Unbelievable when the list says nothing that can be relied on: no answer is not a good answer."""
    entry = credential["credentialStatus"]
    _check_entry(entry)
    if not isinstance(status_list, dict):
        raise Unbelievable("status-list-missing", "The status list was not given.", "/credentialStatus")
    _check_list(credential, status_list, entry, did_document, now)
    bits = _bits(status_list["credentialSubject"])
    index = int(entry["statusListIndex"])
    if index >= len(bits) * 8:
        raise Unbelievable("status-index-out-of-range", "The list is shorter than that.", "/credentialStatus")
    return is_set(bits, index)


def _check_entry(entry: object) -> None:
    if not isinstance(entry, dict) or entry.get("type") != "BitstringStatusListEntry":
        raise Unbelievable("status-not-supported", "Only one Bitstring entry is read.", "/credentialStatus")
    index = entry.get("statusListIndex")
    decimal = isinstance(index, str) and index.isascii() and index.isdigit() and len(index) <= INDEX_DIGITS_MAX
    if entry.get("statusPurpose") != "revocation" or not decimal:
        raise Unbelievable("status-not-supported", "A revocation bit by decimal index is read.", "/credentialStatus")


def _check_list(
    credential: Mapping[str, Any], status_list: Mapping[str, Any], entry: Mapping[str, Any], did: object, now: datetime
) -> None:
    subject = status_list.get("credentialSubject")
    if status_list.get("id") != entry.get("statusListCredential") or not isinstance(subject, dict):
        raise Unbelievable("status-list-another", "This is not the list the credential names.", "/credentialStatus")
    if issuer_id(status_list) != issuer_id(credential):
        raise Unbelievable("status-list-of-another-issuer", "Somebody else issued the list.", "/credentialStatus")
    if subject.get("statusPurpose") != "revocation" or subject.get("type") != "BitstringStatusList":
        raise Unbelievable("status-list-another", "The list is not one of revocations.", "/credentialStatus")
    try:
        check_proof(status_list, did, Verdict(now))
    except Unbelievable as fault:
        raise Unbelievable("status-list-not-believed", f"The list: {fault.reason.code}.", "/credentialStatus") from None
    try:
        check_period(status_list, now)
    except Unbelievable as fault:
        raise Unbelievable("status-list-stale", f"The list: {fault.reason.code}.", "/credentialStatus") from None


def _bits(subject: Mapping[str, Any]) -> bytes:
    try:
        bits = decode(str(subject.get("encodedList")))
    except ValueError:
        raise Unbelievable("status-list-malformed", "The list cannot be unpacked.", "/credentialStatus") from None
    if len(bits) * 8 < BITS:
        raise Unbelievable("status-list-too-short", "A list has at least 131,072 positions.", "/credentialStatus")
    return bits
