"""Envelopes: nothing of a person in clear, nothing that opens elsewhere, and bytes any CloudEvents reader takes."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID, uuid4

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.catalogue_v1 import FrameworkItem, FrameworkPublishedV1
from contracts.envelope import Envelope, PublicEvent
from contracts.events import PUBLIC_EVENTS
from contracts.learners_v1 import Enrolment, LearnerEnrolledV1, LearnerRegisteredV1
from services.runtime.clock import from_micros
from services.runtime.keys import KeyDestroyed, KeyUnknown
from services.runtime.sealing import Sealer, Unreadable
from services.runtime.stored_keys import SqliteKeyStore

ADA, BEN = UUID(int=1), UUID(int=2)
TENANT = "nebraska"
NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
INSTANTS = st.integers(-(2**50), 2**52).map(from_micros)
ENROLLED = LearnerEnrolledV1(
    enrolment=Enrolment(id=UUID(int=9), organisation="lincoln", cohort="2027", begins_on=date(2026, 8, 15))
)
FRAMEWORK = FrameworkPublishedV1(
    framework="ne-math",
    version=1,
    digest="d",
    title="Mathematik & Zahlen “neu”",
    items=(FrameworkItem(identifier="i", code="6.N.1", statement="Compares ratios"),),
)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteKeyStore]:
    keys = SqliteKeyStore(tmp_path_factory.mktemp("keys"))
    keys.create_learner_keys(TENANT, [ADA, BEN])
    keys.create_learner_keys("iowa", [ADA])
    yield keys
    keys.close()


@pytest.fixture(scope="module")
def sealer(keys: SqliteKeyStore) -> Sealer:
    return Sealer(keys, "/ingest")


def sealed(sealer: Sealer, event: PublicEvent = ENROLLED, learner: UUID = ADA, **said) -> bytes:
    return sealer.seal(event, **({"id": UUID(int=5), "tenant": TENANT, "subject": str(learner), "time": NOON} | said))


def changed(raw: bytes, **said: object) -> bytes:
    return orjson.dumps(orjson.loads(raw) | said)


def test_what_is_sealed_is_opened_again(sealer):
    envelope = sealer.parse(sealed(sealer))
    assert sealer.open(envelope) == ENROLLED
    assert (envelope.id, envelope.subject, envelope.time, envelope.tenant) == (UUID(int=5), str(ADA), NOON, TENANT)


def test_nothing_of_the_content_is_in_the_clear(sealer):
    raw = sealed(sealer)
    assert not any(word in raw for word in (b"lincoln", b"2027", b'enrolment"', b"cohort"))


@given(time=INSTANTS, occurred_at=st.none() | INSTANTS, id=st.uuids())
def test_the_bytes_are_what_the_contract_itself_would_write(sealer, time, occurred_at, id):
    raw = sealed(sealer, time=time, occurred_at=occurred_at, id=id)
    envelope = Envelope.model_validate_json(raw)
    assert raw == envelope.model_dump_json(exclude_none=True).encode()
    assert (envelope.time, envelope.occurredat, envelope.id) == (time, occurred_at, id)
    assert (envelope.type, envelope.dataschema) == (ENROLLED.TYPE, ENROLLED.schema_urn())
    assert sealer.open(envelope) == ENROLLED


def test_an_attribute_that_is_not_there_is_left_out_and_never_null(sealer):
    said = json.loads(sealed(sealer))
    assert None not in said.values()
    assert "occurredat" not in said and "data" not in said


def test_an_instant_of_another_zone_is_written_in_utc(sealer):
    omaha = NOON.astimezone(timezone(timedelta(hours=-5)))
    assert json.loads(sealed(sealer, time=omaha, occurred_at=omaha))["occurredat"] == "2026-09-01T12:00:00Z"


@pytest.mark.parametrize(
    "moved",
    [
        {"id": str(uuid4())},
        {"subject": str(BEN)},
        {"tenant": "iowa"},
        {"type": LearnerRegisteredV1.TYPE},
        {"dataschema": LearnerRegisteredV1.schema_urn()},
        {"keyid": "l-another"},
    ],
    ids=lambda moved: next(iter(moved)),
)
def test_a_blob_moved_to_another_envelope_does_not_open(sealer, moved):
    with pytest.raises(Unreadable, match="does-not-open"):
        sealer.open(sealer.parse(changed(sealed(sealer), **moved)))


def test_a_blob_put_in_another_learners_envelope_does_not_open(sealer):
    theirs = orjson.loads(sealed(sealer, learner=BEN))
    with pytest.raises(Unreadable, match="does-not-open"):
        sealer.open(sealer.parse(changed(sealed(sealer), data_base64=theirs["data_base64"])))


@given(data=st.data())
def test_a_blob_with_any_character_changed_does_not_open(sealer, data):
    raw = orjson.loads(sealed(sealer))
    blob = raw["data_base64"].rstrip("=")
    at = data.draw(st.integers(0, len(blob) - 2))
    other = [c for c in "ABab01+/" if c != blob[at]][data.draw(st.integers(0, 6))]  # drawn alike whatever the nonce
    raw["data_base64"] = blob[:at] + other + raw["data_base64"][at + 1 :]
    with pytest.raises(Unreadable):
        sealer.open(sealer.parse(orjson.dumps(raw)))


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"type": "org.wayproof.ingest.learner-enrolled.v2"}, "unknown-type"),
        ({"data_base64": "%%%"}, "malformed-envelope"),
        ({"data_base64": ""}, "does-not-open"),
        ({"data_base64": None}, "no-content"),
        ({"keyid": None}, "no-content"),
        ({"subject": "somebody"}, "malformed-envelope"),
    ],
)
def test_an_envelope_that_cannot_be_opened_says_why(sealer, said, reason):
    with pytest.raises(Unreadable) as unreadable:
        sealer.open(sealer.parse(changed(sealed(sealer), **said)))
    assert unreadable.value.reason == reason


@pytest.mark.parametrize(
    "raw", [b"", b"secret", b"[]", b"{}", b'{"id":"secret"}', b"\xff\xfe", sealed.__name__.encode() * 10]
)
def test_bytes_that_are_no_envelope_are_unreadable_and_not_quoted(sealer, raw):
    with pytest.raises(Unreadable) as unreadable:
        sealer.parse(raw)
    assert str(unreadable.value) == "malformed-envelope"
    assert unreadable.value.__cause__ is None


def test_content_of_another_shape_is_unreadable(sealer, keys):
    from contracts.envelope import sealing_context

    raw, key = orjson.loads(sealed(sealer)), keys.learner_key(TENANT, ADA)
    context = sealing_context(TENANT, str(ADA), UUID(int=5), raw["type"], raw["dataschema"], key.id)
    from base64 import b64encode

    raw["data_base64"] = b64encode(key.seal(b'{"enrolment":7}', context)).decode()
    with pytest.raises(Unreadable, match="malformed-content"):
        sealer.open(sealer.parse(orjson.dumps(raw)))


def test_a_field_a_newer_producer_added_is_ignored(sealer):
    envelope = sealer.parse(changed(sealed(sealer), traceparent="00-abc"))
    assert sealer.open(envelope) == ENROLLED


def test_a_document_travels_in_clear_and_needs_no_key(sealer):
    raw = sealer.clear(FRAMEWORK, id=UUID(int=6), tenant=TENANT, subject="ne-math", time=NOON)
    envelope = sealer.parse(raw)
    assert (envelope.datacontenttype, envelope.keyid, envelope.data_base64) == ("application/json", None, None)
    assert sealer.open(envelope) == FRAMEWORK
    assert raw == envelope.model_dump_json(exclude_none=True).encode()


def test_a_person_is_never_published_in_clear(sealer):
    with pytest.raises(AssertionError):
        sealer.clear(ENROLLED, id=UUID(int=6), tenant=TENANT, subject=str(ADA), time=NOON)


def test_content_in_clear_about_a_person_is_not_believed(sealer):
    forged = changed(sealed(sealer), data=ENROLLED.model_dump(mode="json"), data_base64=None, keyid=None)
    with pytest.raises(Unreadable, match="no-content"):
        sealer.open(sealer.parse(forged))


def test_an_unregistered_learner_has_no_envelope(sealer):
    with pytest.raises(KeyUnknown):
        sealed(sealer, learner=UUID(int=404))


def test_an_erased_learners_envelope_says_so(tmp_path: Path):
    keys = SqliteKeyStore(tmp_path)
    keys.create_learner_keys(TENANT, [ADA])
    sealer = Sealer(keys, "/ingest")
    envelope = sealer.parse(sealed(sealer))
    keys.destroy_learner_key(TENANT, ADA)
    with pytest.raises(KeyDestroyed):
        sealer.open(envelope)
    with pytest.raises(KeyDestroyed):
        sealed(sealer)


def test_every_public_event_has_its_schema():
    from services.runtime.sealing import SCHEMAS

    assert {SCHEMAS[t] for t in PUBLIC_EVENTS} == {kind.schema_urn() for kind in PUBLIC_EVENTS.values()}
