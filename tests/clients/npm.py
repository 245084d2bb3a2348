"""The npm clients of this folder: installed from the lock file when they are not there, never skipped."""

import json
import subprocess
from functools import cache
from typing import Any

from tests.support.paths import ROOT

FOLDER = ROOT / "tests" / "clients"


@cache
def install() -> None:
    """`npm ci`, once, when the installed tree is not the locked one."""
    installed = FOLDER / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < (FOLDER / "package-lock.json").stat().st_mtime:
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(command, cwd=FOLDER, check=True, capture_output=True, timeout=240)


def play(**told: str) -> dict[str, Any]:
    """What each client sent and read back."""
    install()
    said = subprocess.run(
        ["node", "clients.mjs"], cwd=FOLDER, input=json.dumps(told), capture_output=True, text=True, timeout=120
    )
    assert said.returncode == 0, said.stderr
    answer: dict[str, Any] = json.loads(said.stdout)
    return answer
