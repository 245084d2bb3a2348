"""The golden messages: written once, read for ever."""

import copy

import jsonschema
import pytest

from contracts.envelope import TYPE_GRAMMAR, Envelope
from contracts.events import IN_CLEAR, PUBLIC_EVENTS, TOPICS
from tests.contracts.messages import example, released

TYPES = sorted(PUBLIC_EVENTS)
CLEAR = {event.TYPE for event in IN_CLEAR}


def is_valid(message, schema) -> bool:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return jsonschema.Draft202012Validator(schema, format_checker=checker).is_valid(message)


def assert_says(event, message):
    """All the message says; what was added since, as optional, it does not."""
    said = event.model_dump(mode="json")
    assert {name: said[name] for name in message} == message
    assert not any(said[name] for name in said.keys() - message.keys())


@pytest.mark.parametrize("type_", TYPES)
def test_a_golden_message_still_parses_and_loses_nothing(type_):
    message = example(type_)
    event = PUBLIC_EVENTS[type_].model_validate(message["data"])
    assert_says(event, message["data"])


@pytest.mark.parametrize("type_", TYPES)
def test_a_golden_message_has_the_attributes_of_its_type(type_):
    message = example(type_)
    envelope = Envelope.model_validate({name: value for name, value in message.items() if name != "data"})
    assert envelope.type == type_
    assert envelope.dataschema == PUBLIC_EVENTS[type_].schema_urn()
    assert (envelope.keyid is None) == (type_ in CLEAR)


@pytest.mark.parametrize("type_", TYPES)
def test_a_golden_message_fits_the_schema_as_first_released(type_):
    assert is_valid(example(type_), released(type_))


@pytest.mark.parametrize("type_", TYPES)
def test_the_released_schema_misses_any_field_that_is_taken_out(type_):
    for name in PUBLIC_EVENTS[type_].model_json_schema().get("required", []):
        maimed = copy.deepcopy(example(type_))
        del maimed["data"][name]
        assert not is_valid(maimed, released(type_)), name


@pytest.mark.parametrize("type_", TYPES)
def test_a_field_a_newer_producer_added_is_ignored(type_):
    message = example(type_)["data"]
    assert_says(PUBLIC_EVENTS[type_].model_validate({**message, "since_version_9": "new"}), message)


def test_every_public_type_is_named_by_the_grammar_and_once():
    named = [event.TYPE for events in TOPICS.values() for event in events]
    assert len(named) == len(set(named))
    assert [type_ for type_ in named if not TYPE_GRAMMAR.fullmatch(type_)] == []
    for topic, events in TOPICS.items():
        assert {event.TYPE.split(".")[2] for event in events} == {topic.split(".")[0]}
