"""One tenant, one achievement and one credential, made by hand, for the tests of formats and verifiers."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.credentials.domain.achievement import Definition, Requirement
from services.credentials.domain.claims import Achieved, Level, StatusPlace
from services.credentials.formats.did_document import did_document
from services.credentials.formats.identity import identity
from services.credentials.formats.issuer import Issuer, issuer_of
from services.credentials.formats.open_badge import Recognition, instant, open_badge
from services.credentials.formats.status_list import status_list
from services.credentials.signing.data_integrity import sign

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
LEARNER, AWARD = UUID(int=1), UUID(int=2)
TENANT_SECRET = b"t" * 32
ISSUER = issuer_of("https://credentials.example.org", "delta")
KEY = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
KEY_ID = "key-1"
LIST_ID = "delta.p0.1"
INDEX = 4242
Json = dict[str, Any]

LEVELS = tuple(
    Level(code, name, points, f"https://case.example.org/rubric/levels/{points}")
    for code, name, points in (
        ("BEG", "Beginning", "1"),
        ("DEV", "Developing", "2"),
        ("PRO", "Proficient", "3"),
        ("EXT", 'Extending “beyond”\nthe "rubric"\t\\', "4"),
    )
)
WELDING = Achieved(
    framework="trades",
    framework_title="Métiers de la soudure 溶接",
    framework_uri="https://case.example.org/frameworks/trades",
    competency="c-weld",
    code="TR.W.1",
    statement="Joins steel by shielded metal arc welding",
    uri="https://case.example.org/items/c-weld",
    scale="four",
    scale_version=1,
    scale_levels=LEVELS,
    level=LEVELS[2],
    value="3.25",
    required="3",
    evidence=(UUID(int=11), UUID(int=12)),
)
SAFETY = Achieved(
    framework="trades",
    framework_title="Métiers de la soudure 溶接",
    framework_uri=None,
    competency="c-safe",
    code="TR.S.2",
    statement="Works safely 🦺",
    uri=None,
    scale="points",
    scale_version=2,
    scale_levels=(),
    level=None,
    value="88",
    required="80",
    evidence=(UUID(int=12), UUID(int=13)),
)
WELDER = Definition(
    id="welder",
    digest="sha256:welder",
    name="Entry welder",
    description="Welds steel safely, shown at work and in class.",
    criteria="Proficient in welding and in safety.",
    criteria_url="https://district.example.org/welder",
    image="https://district.example.org/welder.png",
    kind="MicroCredential",
    requirement=Requirement("trades-policy", "entry-welder"),
)


def recognition(**changes: object) -> Recognition:
    """What the sample credential says, with changes."""
    said: Json = {
        "credential_id": f"urn:uuid:{UUID(int=9)}",
        "achievement": WELDER,
        "identity": identity(TENANT_SECRET, LEARNER, AWARD),
        "achieved": (WELDING, SAFETY),
        "awarded_at": NOON,
        "valid_from": NOON,
        "status": StatusPlace(LIST_ID, INDEX),
    }
    return Recognition(**(said | changes))


def signed(document: Json, *, issuer: Issuer = ISSUER, key: Ed25519PrivateKey = KEY) -> Json:
    """The document with a proof by the issuer's key."""
    return sign(document, key, verification_method=issuer.key_url(KEY_ID), created=instant(NOON))


def credential(**changes: object) -> Json:
    """The sample credential, signed."""
    return signed(open_badge(recognition(**changes), ISSUER))


def revocations(*indexes: int, issuer: Issuer = ISSUER, key: Ed25519PrivateKey = KEY) -> Json:
    """The sample's status list with these bits set, signed."""
    return signed(status_list(issuer, LIST_ID, indexes, NOON), issuer=issuer, key=key)


def did(issuer: Issuer = ISSUER, key: Ed25519PrivateKey = KEY) -> Json:
    """The issuer's DID document."""
    return did_document(issuer, {KEY_ID: key.public_key()})
