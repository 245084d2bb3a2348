"""What a group asks at once is what single questions answer."""

from typing import Any

import pytest

from services.ingest.storage import asking, inbox, vault
from tests.ingest.house import FORM_MAPPING, House, form

TAGS = {
    "records": "SELECT tag FROM record",
    "messages": "SELECT tag FROM message",
    "learners": "SELECT tag FROM identifier",
}


def answers(house: House, wanted: dict[str, list[bytes]]) -> list[tuple[Any, ...]]:
    """At once, and one by one."""
    with house.parts.database.read() as cursor:
        found = asking.ask(cursor, *wanted.values())
        single = (
            inbox.next_seq(cursor),
            inbox.records_by_tag(cursor, wanted["records"]),
            inbox.messages_by_tag(cursor, wanted["messages"]),
            vault.learners_by_tag(cursor, wanted["learners"]),
        )
    return [(found.next_seq, found.records, found.messages, found.learners), single]


@pytest.mark.parametrize("sent", [0, 1, 5])
def test_a_question_for_all_is_answered_as_one_for_each(house, sent):
    house.publish_catalogue()
    house.learner("100")
    source = house.source("employer", FORM_MAPPING)
    secret = house.secret(source)
    for number in range(sent):
        assert house.webhook(source, secret, f"msg-{number}", form(f"r-{number}", TEAM="3")).status_code == 202
    with house.parts.database.read() as cursor:
        stored = {name: [tag for (tag,) in cursor.execute(sql)] for name, sql in TAGS.items()}
    assert len(stored["records"]) == len(stored["messages"]) == sent
    unknown = [bytes([number]) * 16 for number in range(3)]
    for wanted in (stored, {name: [*tags, *unknown] for name, tags in stored.items()}, {name: [] for name in TAGS}):
        at_once, one_by_one = answers(house, wanted)
        assert at_once == one_by_one


def test_a_question_may_be_about_any_number(house):
    """A request of ten thousand lines may name several records a line."""
    with house.parts.database.read() as cursor:
        found = asking.ask(cursor, [number.to_bytes(16, "big") for number in range(70_000)], [], [])
    assert found == asking.Found()
