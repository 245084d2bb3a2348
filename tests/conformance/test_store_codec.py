"""Events to bytes and back: only those in the table, nothing JSON cannot say, nothing a newer writer added."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.store.codec import Codec, NotANumber, UnknownTopic, UnreadableBody, Upcast


class Kind(StrEnum):
    SEEN = "seen"
    TOLD = "told"


@dataclass(frozen=True, slots=True)
class Part:
    ref: UUID
    weight: Decimal


@dataclass(frozen=True, slots=True)
class Rich:
    TOPIC: ClassVar[str] = "testing.rich.v2"
    at: datetime
    on: date | None
    kind: Kind
    parts: tuple[Part, ...]
    tags: frozenset[str] = frozenset()
    share: float = 0.0
    free: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Plain:
    TOPIC: ClassVar[str] = "testing.plain.v1"
    said: str


CODEC = Codec([Rich, Plain])
NOON = datetime(2026, 9, 1, 12, 0, 0, 1, tzinfo=UTC)


def rich(**said: object) -> Rich:
    return Rich(**({"at": NOON, "on": None, "kind": Kind.SEEN, "parts": ()} | said))


@given(
    st.builds(
        Rich,
        at=st.datetimes(timezones=st.just(UTC)),
        on=st.none() | st.dates(),
        kind=st.sampled_from(Kind),
        parts=st.lists(
            st.builds(Part, ref=st.uuids(), weight=st.decimals(allow_nan=False, allow_infinity=False)), max_size=3
        ).map(tuple),
        tags=st.frozensets(st.text()),
        share=st.floats(allow_nan=False, allow_infinity=False),
        free=st.dictionaries(st.text(), st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()),
    )
)
def test_what_is_decoded_is_what_was_encoded(event):
    assert CODEC.decode(*CODEC.encode(event)) == event


def test_the_topic_is_the_classes_own_and_no_import_path():
    topic, body = CODEC.encode(Plain("x"))
    assert (topic, body) == ("testing.plain.v1", b'{"said":"x"}')


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize(
    "where",
    [
        lambda bad: {"share": bad},
        lambda bad: {"free": {"deep": [bad]}},
        lambda bad: {"parts": (Part(uuid4(), Decimal(bad)),)},
    ],
    ids=["a float", "a field of any type", "a decimal"],
)
def test_what_is_not_a_number_is_refused_wherever_it_hides(bad, where):
    with pytest.raises(NotANumber):
        CODEC.encode(rich(**where(bad)))


def test_a_text_may_speak_of_infinity():
    event = Plain("NaN, -Infinity and beyond")
    assert CODEC.decode(*CODEC.encode(event)) == event


def test_a_topic_of_a_newer_version_is_refused_by_name():
    with pytest.raises(UnknownTopic, match=r"testing\.plain\.v2"):
        CODEC.decode("testing.plain.v2", b'{"said":"x"}')


@pytest.mark.parametrize("topic", ["os:system", "services.runtime.store.codec:Codec", "builtins.print"])
def test_a_topic_is_never_looked_up_as_an_import_path(topic):
    with pytest.raises(UnknownTopic):
        CODEC.decode(topic, b"{}")


def test_a_class_that_is_not_in_the_table_cannot_be_stored():
    @dataclass(frozen=True)
    class Louder(Plain):
        pass

    with pytest.raises(UnknownTopic):
        CODEC.encode(Louder("x"))


@pytest.mark.parametrize(
    "body",
    [b'{"said":"x","mood":"secret"}', b'{"said":7}', b"{}", b"[]", b"not json", b"", b'{"said":"secret"'],
    ids=["a field more", "another type", "a field less", "a list", "text", "nothing", "cut short"],
)
def test_a_body_of_another_shape_is_refused_and_not_quoted(body):
    with pytest.raises(UnreadableBody) as refused:
        CODEC.decode("testing.plain.v1", body)
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_an_unknown_field_within_a_nested_part_is_refused():
    topic, body = CODEC.encode(rich(parts=(Part(uuid4(), Decimal(1)),)))
    with pytest.raises(UnreadableBody):
        CODEC.decode(topic, body.replace(b'"weight"', b'"colour":"red","weight"'))


def test_old_bodies_become_todays_events_step_by_step():
    codec = Codec(
        [Plain],
        {
            "testing.spoken.v1": Upcast("testing.spoken.v2", lambda old: {"words": [old["word"]]}),
            "testing.spoken.v2": Upcast("testing.plain.v1", lambda old: {"said": " ".join(old["words"])}),
        },
    )
    assert codec.decode("testing.spoken.v1", b'{"word":"hello"}') == Plain("hello")
    assert codec.decode("testing.spoken.v2", b'{"words":["hello","again"]}') == Plain("hello again")


def test_two_classes_cannot_share_a_topic():
    @dataclass(frozen=True)
    class Twin:
        TOPIC: ClassVar[str] = Plain.TOPIC

    with pytest.raises(AssertionError):
        Codec([Plain, Twin])
