"""The project as text and as syntax trees: what the tidy tests look at."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.support.paths import ROOT

CODE = ("contracts", "services")
GENERATED = ("contracts/schemas", "contracts/openapi", "deploy/settings.md")
LOCKS = ("requirements.lock", "requirements-dev.lock", "package-lock.json", "uv.lock")


@cache
def tracked() -> tuple[Path, ...]:
    """Every file the project is made of: what git tracks, or without git whatever is not in an ignored folder."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0 and listed.stdout:
        return tuple(path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file())
    ignored = {".git", ".venv", "node_modules", "__pycache__", "var", "dist"}
    return tuple(path for path in ROOT.rglob("*") if path.is_file() and not ignored & set(path.parts))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def modules(*tops: str) -> tuple[Path, ...]:
    """Python files under these top folders (all of them when none is named)."""
    wanted = tops or (*CODE, "tests")
    return tuple(path for path in tracked() if path.suffix == ".py" and name_of(path).split("/")[0] in wanted)


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def classes(*tops: str) -> Iterator[tuple[Path, ast.ClassDef]]:
    for path in modules(*tops):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ClassDef):
                yield path, node


def functions(*tops: str) -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in modules(*tops):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path, node


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, without the docstring."""
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        length -= (first.end_lineno or first.lineno) - first.lineno + 1
    return length


def stored_name(node: ast.ClassDef, attribute: str) -> str | None:
    """The string a class keeps as TOPIC or TYPE, when it has one."""
    for statement in node.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        value = getattr(statement, "value", None)
        named = any(isinstance(target, ast.Name) and target.id == attribute for target in targets)
        if named and isinstance(value, ast.Constant) and isinstance(value.value, str):
            return value.value
    return None
