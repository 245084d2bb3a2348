"""A contract's own checks over JSON, giving plain values: half the price of making a model that nobody keeps."""

from functools import cache
from typing import Any

from pydantic_core import SchemaValidator

from contracts.envelope import PublicEvent


@cache
def checks_of(kind: type[PublicEvent]) -> SchemaValidator:
    """Refuses, with pydantic's ValidationError, exactly what the model refuses; made from the model's schema."""
    return SchemaValidator(_plain(kind.__pydantic_core_schema__))


def _plain(schema: Any) -> Any:
    """The schema with a dictionary in the place of each model, and nothing else changed."""
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") != "model":
        return {name: _plain(part) for name, part in schema.items()}
    inner = schema["schema"]
    assert inner["type"] == "model-fields", "a public event has fields and no validator of the whole"
    fields = {name: _field(field["schema"]) for name, field in inner["fields"].items()}
    named = {"ref": schema["ref"]} if "ref" in schema else {}
    return {"type": "typed-dict", "fields": fields, **named}


def _field(schema: dict[str, Any]) -> dict[str, Any]:
    """A field with a default may be left out, and then it is."""
    optional = schema["type"] == "default"
    inner = _plain(schema["schema"] if optional else schema)
    return {"type": "typed-dict-field", "schema": inner, "required": not optional}
