"""AsyncAPI 3.0 of everything on the log: which topic carries which event, who sends it and who reads it.

Written to `contracts/asyncapi.yaml` by `make contracts`. The payload of a message is its envelope; what is sealed on
the log is described opened, in the schema the payload refers to.
"""

import inspect
import json
from pathlib import Path
from typing import Any

from contracts.envelope import PublicEvent
from contracts.events import CATALOGUE_TOPICS, CONSUMERS, TOPICS

JSON_SCHEMA = "application/schema+json;version=draft-2020-12"
HEADERS = {
    "producer": "The service that sent it.",
    "seq": "Its place among what the producer sent in this partition: from 1, without gaps. This, not the offset, is"
    " what tells repeats and losses.",
}
ABOUT = (
    "Delivery is at least once and in order per key. A consumer keeps the last `seq` of each partition with its own"
    " decisions, skips what it has, and stops at a gap. No topic is compacted; an outbox is kept for ever and can be"
    " republished from any seq."
)


def document(examples: Path, version: str) -> dict[str, Any]:
    """The AsyncAPI document; `examples` is the folder of golden messages."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Wayproof",
            "version": version,
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {_camel(topic): _channel(topic) for topic in TOPICS},
        "operations": dict(_operation(*each) for topic in TOPICS for each in _doings(topic)),
        "components": {
            "messages": {_name(event): _message(event, examples) for events in TOPICS.values() for event in events},
            "schemas": {"recordHeaders": _headers()},
        },
    }


def _channel(topic: str) -> dict[str, Any]:
    who = "One tenant's published documents" if topic in CATALOGUE_TOPICS else "One learner's events"
    placed = "Key: `tenant/subject`; partition: the first 8 bytes of SHA-256(key) modulo their number."
    return {
        "address": topic,
        "title": topic,
        "description": f"{who}, in order. {placed}",
        "messages": {_name(event): {"$ref": f"#/components/messages/{_name(event)}"} for event in TOPICS[topic]},
        "bindings": {
            "kafka": {
                "topic": topic,
                "topicConfiguration": {"cleanup.policy": ["delete"]},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _doings(topic: str) -> list[tuple[str, str, str]]:
    producer = topic.split(".", 1)[0]
    return [(producer, "send", topic), *((consumer, "receive", topic) for consumer in CONSUMERS[topic])]


def _operation(service: str, action: str, topic: str) -> tuple[str, dict[str, Any]]:
    channel = f"#/channels/{_camel(topic)}"
    said = {
        "action": action,
        "channel": {"$ref": channel},
        "summary": f"{service} {'sends to' if action == 'send' else 'reads'} {topic}",
        "tags": [{"name": service}],
        "messages": [{"$ref": f"{channel}/messages/{_name(event)}"} for event in TOPICS[topic]],
    }
    return f"{service}{action.capitalize()}{_camel(topic)[0].upper()}{_camel(topic)[1:]}", said


def _message(event: type[PublicEvent], examples: Path) -> dict[str, Any]:
    example = json.loads((examples / f"{event.TYPE}.json").read_text())
    return {
        "name": event.TYPE,
        "title": event.__name__,
        "summary": summary(event),
        "contentType": "application/json",
        "headers": {"$ref": "#/components/schemas/recordHeaders"},
        "payload": {"schemaFormat": JSON_SCHEMA, "schema": {"$ref": f"schemas/{event.TYPE}.json"}},
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": "0.5.0"}},
        "examples": [{"name": "golden", "payload": example}],
    }


def _headers() -> dict[str, Any]:
    properties = {name: {"type": "string", "description": said} for name, said in HEADERS.items()}
    return {"type": "object", "properties": properties, "required": list(HEADERS)}


def summary(event: type[PublicEvent]) -> str:
    """What an event says, as its class says it."""
    return " ".join((inspect.getdoc(event) or "").split())


def _name(event: type[PublicEvent]) -> str:
    return event.__name__


def _camel(topic: str) -> str:
    service, stream = topic.split(".", 1)
    return service + stream.capitalize()
