"""Checks without models: whatever an event's model takes or refuses, they take or refuse."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.envelope import PublicEvent
from contracts.events import PUBLIC_EVENTS
from contracts.evidence_v1 import EvidenceAcceptedV1
from services.mastery.storage.plainly import checks_of
from tests.mastery.world import content

WHOLE = json.loads(EvidenceAcceptedV1(content=content("TEAM", "3")).model_dump_json())
ODD: list[Any] = [None, True, 0, 1.5, "", "x", "2026-01-01T00:00:00Z", "UPPER case", "x" * 5000, [], {}, {"code": "A"}]


def taken(kind: type[PublicEvent], said: bytes) -> tuple[bool, bool]:
    """By the model, and by the checks."""
    found = []
    for read in (kind.model_validate_json, checks_of(kind).validate_json):
        try:
            read(said)
            found.append(True)
        except ValidationError:
            found.append(False)
    return found[0], found[1]


def places(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    inside = (
        [place for name, part in value.items() for place in places(part, (*path, name))]
        if isinstance(value, dict)
        else []
    )
    return [path, *inside] if path else inside


def changed(path: tuple[str, ...], value: Any, *, gone: bool) -> bytes:
    copy = json.loads(json.dumps(WHOLE))
    parent = copy
    for name in path[:-1]:
        parent = parent[name]
    if gone:
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    return json.dumps(copy).encode()


def test_a_whole_event_is_taken() -> None:
    assert taken(EvidenceAcceptedV1, json.dumps(WHOLE).encode()) == (True, True)


@pytest.mark.parametrize("path", places(WHOLE), ids=".".join)
def test_each_part_left_out_or_of_another_kind_is_judged_as_the_model_judges_it(path: tuple[str, ...]) -> None:
    judged = [taken(EvidenceAcceptedV1, changed(path, odd, gone=False)) for odd in ODD]
    judged.append(taken(EvidenceAcceptedV1, changed(path, None, gone=True)))
    assert all(model == checks for model, checks in judged)
    assert any(not model for model, _ in judged)


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(), lambda inner: st.dictionaries(st.text(), inner) | st.lists(inner)
    )
)
def test_anything_at_all_is_judged_alike_by_every_event(said: Any) -> None:
    for kind in PUBLIC_EVENTS.values():
        model, checks = taken(kind, json.dumps(said).encode())
        assert model == checks


def test_nothing_but_json_is_taken() -> None:
    assert taken(EvidenceAcceptedV1, b"{") == (False, False)
