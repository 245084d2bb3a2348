"""The AsyncAPI document and the catalogue page say what is on the log, in a form other tools read."""

import ast
import json
from typing import Any

import jsonschema
import pytest
import yaml

from contracts.events import CONSUMERS, PUBLIC_EVENTS, TOPICS
from tests.credentials.node import FOLDER, install
from tests.support.paths import ROOT

DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "contracts" / "asyncapi.yaml").read_text())
OFFICIAL = FOLDER / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"
SERVICES = ("ingest", "mastery", "credentials")


@pytest.fixture(scope="module")
def official() -> jsonschema.protocols.Validator:
    install()
    return jsonschema.Draft7Validator(json.loads(OFFICIAL.read_text()))


@pytest.mark.node
def test_the_document_fits_the_official_schema(official):
    assert [error.message for error in official.iter_errors(DOCUMENT)] == []


@pytest.mark.node
def test_the_official_schema_refuses_what_is_wrong(official):
    wrong = [
        {**DOCUMENT, "asyncapi": "4"},
        {name: part for name, part in DOCUMENT.items() if name != "info"},
        {**DOCUMENT, "operations": {"x": {"action": "shout", "channel": {"$ref": "#/channels/ingestLearner"}}}},
    ]
    assert all(list(official.iter_errors(document)) for document in wrong)


def test_every_reference_leads_somewhere():
    for reference in references(DOCUMENT):
        if reference.startswith("#"):
            found: Any = DOCUMENT
            for step in reference.removeprefix("#/").split("/"):
                found = found[step]
        else:
            assert (ROOT / "contracts" / reference).exists(), reference


def test_every_public_event_is_a_message_on_its_topic():
    said = {
        channel["address"]: {DOCUMENT["components"]["messages"][name]["name"] for name in channel["messages"]}
        for channel in DOCUMENT["channels"].values()
    }
    assert said == {topic: {event.TYPE for event in events} for topic, events in TOPICS.items()}


def test_every_example_fits_the_schema_its_message_names():
    for message in DOCUMENT["components"]["messages"].values():
        schema = json.loads((ROOT / "contracts" / message["payload"]["schema"]["$ref"]).read_text())
        jsonschema.validate(message["examples"][0]["payload"], schema)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_sends_and_reads_what_the_document_says(service):
    """By the names of topics in its code: what it consumes is wired in main, what it sends is put in an outbox."""
    said = {
        (doing["action"], DOCUMENT["channels"][doing["channel"]["$ref"].rsplit("/", 1)[-1]]["address"])
        for doing in DOCUMENT["operations"].values()
        if doing["tags"] == [{"name": service}]
    }
    reads = {topic for topic, readers in CONSUMERS.items() if service in readers}
    sends = {topic for topic in TOPICS if topic.startswith(f"{service}.")}
    assert said == {("receive", topic) for topic in reads} | {("send", topic) for topic in sends}
    assert topics_passed(service, "Consumer") == reads
    assert topics_passed(service, "OutboxMessage") == sends


def test_the_catalogue_page_has_every_event_and_every_reader():
    page = (ROOT / "docs" / "events.md").read_text()
    for type_, event in PUBLIC_EVENTS.items():
        assert f"### {event.__name__}\n" in page
        assert f"`{type_}`" in page
    for topic, readers in CONSUMERS.items():
        assert f"| `{topic}` | {topic.split('.')[0]} | {', '.join(readers) or '-'} |" in page


def references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [found for each in part.values() for found in references(each)]
    if isinstance(part, list):
        return [found for each in part for found in references(each)]
    return []


def topics_passed(service: str, to: str) -> set[str]:
    """The topics that calls of this name are given, anywhere in a service."""
    constants = {name.upper().replace(".", "_"): name for name in TOPICS}
    found = set()
    for path in (ROOT / "services" / service).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == to:
                named = [argument.id for argument in node.args if isinstance(argument, ast.Name)]
                found |= {constants[name] for name in named if name in constants}
    return found
