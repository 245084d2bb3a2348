"""A released schema is a promise: today's models keep it, and a change that would not is caught."""

import copy
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from contracts.build import schema_of
from contracts.compatibility import breaking
from contracts.events import PUBLIC_EVENTS
from tests.contracts.messages import EXAMPLES, RELEASED, released

ACCEPTED = "org.wayproof.ingest.evidence-accepted.v1"
MET = "org.wayproof.mastery.requirement-met.v1"


@pytest.mark.parametrize("type_", sorted(PUBLIC_EVENTS))
def test_todays_model_keeps_the_promise_of_its_released_schema(type_):
    assert breaking(released(type_), schema_of(PUBLIC_EVENTS[type_])) == []


@pytest.mark.parametrize("type_", sorted(PUBLIC_EVENTS))
def test_a_released_schema_is_valid_json_schema(type_):
    jsonschema.Draft202012Validator.check_schema(released(type_))


def test_nothing_released_was_ever_taken_back():
    for folder in (RELEASED, EXAMPLES):
        assert {path.stem for path in folder.glob("*.json")} == set(PUBLIC_EVENTS)


# ---- the guard itself: every kind of change that breaks somebody, made to a real schema, in both directions


def definition(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda schema: schema["$defs"][name]


content, rating, accepted = definition("EvidenceContent"), definition("Rating"), definition("EvidenceAcceptedV1")


def drop_a_field(schema):
    del content(schema)["properties"]["assessor"]
    content(schema)["required"].remove("assessor")


def drop_an_optional_field(schema):
    del content(schema)["properties"]["comment"]


def rename_a_field(schema):
    content(schema)["properties"]["judge"] = content(schema)["properties"].pop("assessor")
    content(schema)["required"] = ["judge" if name == "assessor" else name for name in content(schema)["required"]]


def change_a_type(schema):
    rating(schema)["properties"]["scale_version"] = {"type": "string"}


def change_a_format(schema):
    del content(schema)["properties"]["receipt"]["format"]


def narrow_an_enum(schema):
    content(schema)["properties"]["kind"]["enum"].remove("baseline")


def widen_an_enum(schema):
    content(schema)["properties"]["kind"]["enum"].append("peer_review")


def narrow_a_pattern(schema):
    content(schema)["properties"]["organisation"]["pattern"] = "^[a-z]+$"


def widen_a_length(schema):
    definition("CompetencyRef")(schema)["properties"]["code"]["maxLength"] = 5000


def make_required_optional(schema):
    content(schema)["required"].remove("pathway")


def make_optional_required(schema):
    content(schema)["required"].append("mapping")


def add_a_required_field(schema):
    content(schema)["properties"]["district"] = {"type": "string"}
    content(schema)["required"].append("district")


def forbid_null(schema):
    content(schema)["properties"]["mapping"] = {"type": "string", "default": None}


def take_a_branch_away(schema):
    rating(schema)["properties"]["score"]["anyOf"].pop()


def change_a_default(schema):
    rating(schema)["properties"]["observed"]["default"] = False


def change_the_type_attribute(schema):
    schema["properties"]["type"]["const"] = "org.wayproof.ingest.evidence-taken.v1"


def drop_an_attribute(schema):
    del schema["properties"]["occurredat"]


def close_the_object(schema):
    content(schema)["additionalProperties"] = False


def require_the_tenant_no_more(schema):
    schema["required"].remove("tenant")


BREAKING = [
    drop_a_field,
    drop_an_optional_field,
    rename_a_field,
    change_a_type,
    change_a_format,
    narrow_an_enum,
    widen_an_enum,
    narrow_a_pattern,
    widen_a_length,
    make_required_optional,
    make_optional_required,
    add_a_required_field,
    forbid_null,
    take_a_branch_away,
    change_a_default,
    change_the_type_attribute,
    drop_an_attribute,
    close_the_object,
    require_the_tenant_no_more,
]


@pytest.mark.parametrize("change", BREAKING, ids=lambda change: change.__name__)
def test_a_change_that_breaks_a_consumer_is_caught(change):
    before = released(ACCEPTED)
    after = copy.deepcopy(before)
    change(after)
    assert breaking(before, after)


def test_a_break_inside_a_list_is_caught_and_says_where():
    before = released(MET)
    after = copy.deepcopy(before)
    del after["$defs"]["AchievedLevel"]["properties"]["statement"]
    after["$defs"]["AchievedLevel"]["required"].remove("statement")
    assert breaking(before, after) == ["/data/achieved/*/statement: removed or renamed"]


def test_an_added_field_with_a_default_breaks_nobody():
    after = released(ACCEPTED)
    content(after)["properties"]["location"] = {"type": "string", "default": "unknown"}
    assert breaking(released(ACCEPTED), after) == []


def test_other_words_break_nobody():
    after = released(ACCEPTED)
    content(after)["description"] = content(after)["properties"]["receipt"]["title"] = "Said otherwise."
    assert breaking(released(ACCEPTED), after) == []


def test_a_schema_that_contains_itself_is_compared_to_the_end():
    tree = {
        "$defs": {"Node": {"type": "object", "properties": {"children": {"items": {"$ref": "#/$defs/Node"}}}}},
        "properties": {"root": {"$ref": "#/$defs/Node"}},
    }
    pruned = copy.deepcopy(tree)
    pruned["$defs"]["Node"]["type"] = "array"
    assert breaking(tree, tree) == []
    assert breaking(tree, pruned) == ["/root: type was 'object', is 'array'"]
