"""Drives the npm verifiers of `tests/verifiers`: installed when they are not there, never skipped."""

import json
import subprocess
from functools import cache
from typing import Any

from tests.support.paths import ROOT

FOLDER = ROOT / "tests" / "verifiers"
Json = dict[str, Any]


@cache
def install() -> None:
    """`npm ci` from the lock file, once, when the installed tree is not the locked one."""
    installed = FOLDER / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < (FOLDER / "package-lock.json").stat().st_mtime:
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(command, cwd=FOLDER, check=True, capture_output=True, timeout=240)


def ask(*jobs: Json) -> list[Json]:
    """One answer a job, from one process."""
    install()
    said = subprocess.run(
        ["node", "verify.mjs"], cwd=FOLDER, input=json.dumps(jobs), capture_output=True, text=True, timeout=120
    )
    assert said.returncode == 0, said.stderr
    answers: list[Json] = json.loads(said.stdout)
    return answers


@cache
def official_contexts() -> Json:
    """The contexts as their publishers' packages ship them, by URL."""
    return ask({"contexts": True})[0]
