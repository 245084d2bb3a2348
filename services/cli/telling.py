"""Answers about a learner in words a person reads; programs take `--json`."""

from collections.abc import Iterator, Mapping
from typing import Any

Answer = Mapping[str, Any]


def standings(answer: Answer) -> Iterator[str]:
    """Every determination and requirement, by policy."""
    yield _head(answer)
    for judged in answer["policies"]:
        yield _policy(judged["policy"])
        for node in judged["competencies"]:
            stands = f"{_value(node)}, required {node['required']}; {_rests_on(node)}"
            yield f"  {node['result']:10} {node['code']}: {stands}"
            yield from (f"             {short}" for short in node["why"])
        for node in judged["requirements"]:
            yield f"  {node['result']:10} {node['name']} (requirement)"
    if not answer["policies"]:
        yield "  no policy judged this learner then"


def why(answer: Answer) -> Iterator[str]:
    """The trace, then the evidence it speaks of."""
    yield _head(answer)
    for judged in answer["policies"]:
        yield _policy(judged["policy"])
        yield from _tree(judged["trace"], "  ")
        yield from (f"  {_evidence(said)}" for said in judged["evidence"])


def history(answer: Answer) -> Iterator[str]:
    """Every event in order with where the nodes it touched stood after it."""
    for event in answer["events"]:
        yield f"{event['version']:5}  {event['recorded_at']}  {event['what']}"
        for node in event["after"]:
            value = f", {_value(node)}" if node["level"] or node["value"] else ""
            yield f"       {node['policy']}@{node['version']} {node['node']}: {node['result']}{value}"


def _head(answer: Answer) -> str:
    final = answer["finality"] if answer["finality"] == "final" else f"provisional beyond {answer['known_to']}"
    return f"as of {answer['as_of']}, as known {answer['known_at']} ({final})"


def _policy(policy: Answer) -> str:
    return f"{policy['id']}@{policy['version']}"


def _value(node: Answer) -> str:
    level = f"level {node['level']}" if node.get("level") else None
    value = f"value {node['value']}" if node.get("value") is not None else None
    return ", ".join(filter(None, (level, value))) or "no value"


def _rests_on(node: Answer) -> str:
    lapsed = f", {len(node['lapsed'])} lapsed" if node["lapsed"] else ""
    return f"{len(node['counted'])} counted{lapsed}"


def _evidence(said: Answer) -> str:
    seen = said["level"] or said["score"] or "not observed"
    return f"{said['id']}  {said['occurred_at']}  {seen}  {said['pathway']}, {said['assessor_role']}, {said['kind']}"


def _tree(value: Any, indent: str) -> Iterator[str]:
    """Whatever a trace holds: names and plain values on a line, what is inside further in."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if isinstance(inner, Mapping | list) and inner:
                yield f"{indent}{name}:"
                yield from _tree(inner, indent + "  ")
            elif inner not in (None, [], {}):
                yield f"{indent}{name}: {inner}"
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, Mapping) and not any(isinstance(inner, Mapping | list) for inner in item.values()):
                yield indent + ", ".join(f"{name} {inner}" for name, inner in item.items() if inner is not None)
            else:
                yield from _tree(item, indent)
    else:
        yield f"{indent}{value}"
