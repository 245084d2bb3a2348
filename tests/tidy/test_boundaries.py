"""What import-linter cannot say: the domain is the standard library and itself, and decides without a clock."""

import ast
import sys

from tests.tidy.tree import modules, name_of, parsed

IMPURE = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("date", "today"),
    ("time", "time"),
    ("time", "monotonic"),
    ("uuid", "uuid4"),
    ("random", "random"),
    ("os", "urandom"),
}


def domain():
    found = [path for path in modules("services") if "/domain/" in name_of(path)]
    assert len(found) > 10
    return found


def imported(path):
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: a relative import"
            yield node.module


def test_the_domain_imports_the_standard_library_and_itself():
    wrong = []
    for path in domain():
        own = ".".join(name_of(path).split("/")[:3])
        for module in imported(path):
            if module.split(".")[0] not in sys.stdlib_module_names and not module.startswith(own):
                wrong.append(f"{name_of(path)}: {module}")
    assert wrong == []


def test_the_domain_reads_no_clock_and_draws_no_number():
    wrong = []
    for path in domain():
        wrong += [
            f"{name_of(path)}: {module}" for module in imported(path) if module in {"random", "secrets", "time", "os"}
        ]
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if (node.value.id, node.attr) in IMPURE:
                    wrong.append(f"{name_of(path)}:{node.lineno}: {node.value.id}.{node.attr}")
            elif isinstance(node, ast.Name) and node.id in {"uuid4", "uuid1", "open", "print", "input"}:
                wrong.append(f"{name_of(path)}:{node.lineno}: {node.id}")
    assert wrong == []
