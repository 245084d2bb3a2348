"""What a person or program meets is documented: settings, refusals, commands, endpoints."""

import ast
import importlib

import pytest

from contracts.build import SERVICES, settings_of, settings_table
from services.cli.dispatch import COMMANDS
from services.runtime.problems import Refusal
from services.runtime.settings import variable
from tests.support.paths import ROOT
from tests.tidy.tree import modules, name_of


def refusals():
    for path in modules("services"):
        importlib.import_module(name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    found, waiting = [], [Refusal]
    while waiting:
        found += (
            children := [kind for kind in waiting.pop().__subclasses__() if kind.__module__.startswith("services")]
        )
        waiting += children
    return found


def test_every_refusal_has_a_sentence_of_its_own():
    found = refusals()
    assert len(found) > 10
    assert [kind.__name__ for kind in found if not (vars(kind).get("__doc__") or "").strip().endswith(".")] == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_refuses_under_each_slug_for_one_reason(service):
    seen = {kind for kind in refusals() if kind.__module__.split(".")[1] in {service, "runtime"}}
    slugs = [kind.slug() for kind in seen]
    assert sorted(slug for slug in set(slugs) if slugs.count(slug) > 1) == []


def test_a_refusal_is_the_senders_fault_or_says_when_to_come_back():
    assert [
        kind.__name__ for kind in refusals() if not 400 <= kind.status < 500 and kind.status not in {500, 503}
    ] == []


def test_every_setting_is_described_and_in_the_table():
    table = settings_table()
    for service in SERVICES:
        kind = settings_of(service)
        for name, field in kind.model_fields.items():
            assert field.description, f"{service}: {name}"
            assert f"`{variable(kind, name)}`" in table


def test_every_command_can_be_loaded_and_says_what_it_does():
    for name, (target, said) in COMMANDS.items():
        module, _, attribute = target.partition(":")
        assert hasattr(importlib.import_module(module), attribute), name
        assert said.endswith(".")


def test_every_target_of_the_makefile_is_declared():
    text = (ROOT / "Makefile").read_text()
    for target in ("demo", "up", "test", "test-quick", "lint", "bench", "contracts"):
        assert f"\n{target}:" in text


def test_endpoints_are_documented():
    silent = [
        f"{name_of(path)}:{node.name}"
        for path in modules("services")
        if "/api/" in name_of(path)
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and _is_endpoint(node)
        and not ast.get_docstring(node)
    ]
    assert silent == []


def _is_endpoint(node):
    methods = {"get", "post", "put", "delete", "patch", "options", "head"}
    return any(
        isinstance(decorator, ast.Call) and getattr(decorator.func, "attr", "") in methods
        for decorator in node.decorator_list
    )
