"""What no document can make a mapping do: raise, say nothing at all, or quote a value in a fault."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.domain.claims import Claim, Fault, NoClaim, Withdrawal
from tests.ingest.test_mapping import FIXTURES, FLAT, mapping, read, small

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
ODD = st.sampled_from(
    ["", " ", "N/A", "2026-11-20", "9999-12-31", "-1", "1e99", "teamwork", "1752", "\x00", "٣", "\ud800"]
)
LIKELY = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("student", "skill", "rating", "at", "by", "id_assessment", "date_submitted", "score"), ODD | JSON
    ),
)
FORMS = st.fixed_dictionaries(
    {"type": st.just("evaluation.completed")},
    optional={
        "data": st.fixed_dictionaries(
            {}, optional={"ratings": st.lists(LIKELY | JSON, max_size=3) | JSON, "response_id": ODD, "observed_on": ODD}
        )
    },
)
EVERY = [mapping(path.stem) for path in sorted(FIXTURES.glob("*.yaml"))] + [
    small(),
    small(competency={"path": "doc.*.skill | sort(@) | [0]"}, expires_at={"date": {"path": "doc.by"}}),
    small(rating={"scale": {"path": "doc.by"}, "score": {"path": "sum(doc.rating)"}}),
]


@settings(max_examples=300, deadline=None)
@given(JSON | LIKELY | FORMS)
def test_no_document_makes_a_mapping_raise_or_say_nothing_at_all(document):
    for compiled in EVERY:
        readings = read(compiled, document)
        assert readings
        assert {type(reading) for reading in readings} <= {Claim, NoClaim, Withdrawal, Fault}


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.sampled_from(list(FLAT)), st.just("zqx-planted-7") | st.just([{"zqx-planted-7": 1}]), min_size=1)
)
def test_a_fault_never_holds_a_value(planted):
    for compiled in EVERY:
        for reading in read(compiled, FLAT | planted):
            if not isinstance(reading, Claim):
                assert "zqx" not in json.dumps([reading.reason, getattr(reading, "pointer", ""), repr(reading)])
