"""Our term tables: what each term we emit means under the official context URLs, and nothing else.

A term that is not here is an error wherever it turns up, so nothing can be signed, or believed, that the
signature does not cover. Nothing is fetched. Tests compare the quads these tables give with those a full
JSON-LD processor gives under the official contexts.

Sources: Verifiable Credentials Data Model 2.0 (base context), Open Badges 3.0 (context 3.0.3).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

VC_CONTEXT = "https://www.w3.org/ns/credentials/v2"
OB_CONTEXT = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"

VC = "https://www.w3.org/2018/credentials#"
STATUS = "https://www.w3.org/ns/credentials/status#"
SECURITY = "https://w3id.org/security#"
SCHEMA = "https://schema.org/"
XSD = "http://www.w3.org/2001/XMLSchema#"
OB_XSD = "https://www.w3.org/2001/XMLSchema#"  # with an s, as the Open Badges context writes it
OB = "https://purl.imsglobal.org/spec/vc/ob/vocab.html#"

REFERENCE = "@id"
ASSERTION_METHOD = SECURITY + "assertionMethod"


@dataclass(frozen=True, slots=True)
class Term:
    """A property: its IRI, and what its strings are (plain text, a reference, or a literal of a datatype)."""

    iri: str
    kind: str | None = None
    words: Mapping[str, str] | None = None  # the only strings it takes, and the IRI each one is


Terms = Mapping[str, Term]


@dataclass(frozen=True, slots=True)
class Kind:
    """A type: its IRI and the terms that have a meaning on a node of that type."""

    iri: str
    terms: Terms = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Context:
    """What one context URL defines: terms with a meaning on every node, and types."""

    terms: Terms
    kinds: Mapping[str, Kind]


def _terms(base: str, *plain: str, **typed: Term) -> dict[str, Term]:
    return {name: Term(base + name) for name in plain} | typed


_INSTANT = XSD + "dateTime"
_URI = OB_XSD + "anyURI"
_MULTIBASE = SECURITY + "multibase"

_CREDENTIAL = {
    "issuer": Term(VC + "issuer", REFERENCE),
    "validFrom": Term(VC + "validFrom", _INSTANT),
    "validUntil": Term(VC + "validUntil", _INSTANT),
    "credentialSubject": Term(VC + "credentialSubject", REFERENCE),
    "credentialStatus": Term(VC + "credentialStatus", REFERENCE),
    "evidence": Term(VC + "evidence", REFERENCE),
}
_STATUS_LIST = _terms(STATUS, "statusPurpose", "ttl", encodedList=Term(STATUS + "encodedList", _MULTIBASE))
_STATUS_ENTRY = _terms(
    STATUS,
    "statusPurpose",
    "statusListIndex",
    statusListCredential=Term(STATUS + "statusListCredential", REFERENCE),
)
_PROOF = {
    "created": Term("http://purl.org/dc/terms/created", _INSTANT),
    "cryptosuite": Term(SECURITY + "cryptosuite", SECURITY + "cryptosuiteString"),
    "proofPurpose": Term(SECURITY + "proofPurpose", words={"assertionMethod": ASSERTION_METHOD}),
    "verificationMethod": Term(SECURITY + "verificationMethod", REFERENCE),
}

_ACHIEVEMENT = _terms(
    OB,
    "achievementType",
    "resultDescription",
    criteria=Term(OB + "Criteria", REFERENCE),
)
_ALIGNMENT = _terms(
    OB,
    "targetCode",
    "targetType",
    targetName=Term(SCHEMA + "targetName"),
    targetFramework=Term(SCHEMA + "targetFramework"),
    targetUrl=Term(SCHEMA + "targetUrl", _URI),
)
_RESULT_DESCRIPTION = _terms(
    OB,
    "resultType",
    "requiredValue",
    "rubricCriterionLevel",
    requiredLevel=Term(OB + "requiredLevel", _URI),
)
_RESULT = _terms(
    OB,
    "status",
    achievedLevel=Term(OB + "achievedLevel", _URI),
    resultDescription=Term(OB + "resultDescription", _URI),
    value=Term(SCHEMA + "value"),
)
_IDENTITY = _terms(OB, "identityHash", "identityType", "salt", hashed=Term(OB + "hashed", OB_XSD + "boolean"))

CONTEXTS: Mapping[str, Context] = MappingProxyType(
    {
        VC_CONTEXT: Context(
            _terms(SCHEMA, "name", "description"),
            {
                "VerifiableCredential": Kind(VC + "VerifiableCredential", _CREDENTIAL),
                "BitstringStatusListCredential": Kind(STATUS + "BitstringStatusListCredential"),
                "BitstringStatusList": Kind(STATUS + "BitstringStatusList", _STATUS_LIST),
                "BitstringStatusListEntry": Kind(STATUS + "BitstringStatusListEntry", _STATUS_ENTRY),
                "DataIntegrityProof": Kind(SECURITY + "DataIntegrityProof", _PROOF),
            },
        ),
        OB_CONTEXT: Context(
            {
                "narrative": Term(OB + "narrative"),
                "alignment": Term(OB + "alignment"),
                "image": Term(OB + "image", REFERENCE),
                "url": Term(SCHEMA + "url", _URI),
                "awardedDate": Term(OB + "awardedDate", "xsd:dateTime"),  # as the official context has it
            },
            {
                "OpenBadgeCredential": Kind(OB + "OpenBadgeCredential"),
                "AchievementSubject": Kind(
                    OB + "AchievementSubject", _terms(OB, "achievement", "identifier", "result")
                ),
                "Achievement": Kind(OB + "Achievement", _ACHIEVEMENT),
                "Alignment": Kind(SCHEMA + "AlignmentObject", _ALIGNMENT),
                "Evidence": Kind(OB + "Evidence"),
                "IdentityObject": Kind(OB + "IdentityObject", _IDENTITY),
                "Image": Kind(OB + "Image"),
                "Profile": Kind(OB + "Profile"),
                "Result": Kind(OB + "Result", _RESULT),
                "ResultDescription": Kind(OB + "ResultDescription", _RESULT_DESCRIPTION),
                "RubricCriterionLevel": Kind(OB + "RubricCriterionLevel", _terms(OB, "level", "points")),
            },
        ),
    }
)
