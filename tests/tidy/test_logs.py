"""A log line is a fixed sentence and allowed fields, wherever it is written."""

import ast

from services.runtime.telemetry import FIELDS
from tests.tidy.tree import modules, name_of, parsed

LEVELS = {"debug", "info", "warning", "error", "fault"}


def log_calls():
    for path in modules("services"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
                owner = node.func.value
                if isinstance(owner, ast.Name) and owner.id in {"log", "logger", "_log"}:
                    yield f"{name_of(path)}:{node.lineno}", node


def test_every_log_call_says_a_fixed_sentence():
    found = list(log_calls())
    assert len(found) >= 5
    varying = [
        where
        for where, call in found
        if not (call.args and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str))
    ]
    assert varying == []


def test_every_field_that_is_logged_is_allowed():
    named = [(where, word.arg) for where, call in log_calls() for word in call.keywords]
    assert [pair for pair in named if pair[1] not in FIELDS] == []


def test_nobody_prints_or_logs_around_it():
    around = []
    for path in modules("services"):
        if name_of(path).startswith(("services/cli/", "services/demo/")):
            continue
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                around.append(f"{name_of(path)}:{node.lineno}")
            if isinstance(node, ast.Import) and path.name != "telemetry.py":
                around += [f"{name_of(path)}:{node.lineno}" for alias in node.names if alias.name == "logging"]
    assert around == []
