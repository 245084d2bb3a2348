"""Replay in a fresh process, from a copy of mastery's store in which only events and documents are left."""

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.support.paths import ROOT

KEPT = {"event", "document"}
NEEDED_TO_OPEN = {"partition_state"}  # how many partitions there are


def replayed(data: Path, scratch: Path) -> dict[str, Any]:
    """What deciding everything again makes of the events."""
    events_only(data, scratch)
    command = [sys.executable, "-m", "services.mastery.replay", str(scratch)]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=120)
    assert ran.returncode == 0, f"{ran.stderr}\n{ran.stdout[:2000]}"
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def events_only(data: Path, scratch: Path) -> None:
    """A copy of the keys and of the store without any state; the system may be running."""
    shutil.copytree(data / "keys", scratch / "keys", ignore=shutil.ignore_patterns("*.lock"))
    (scratch / "mastery").mkdir()
    original = f"{(data / 'mastery' / 'mastery.db').absolute().as_uri()}?mode=ro"
    target = scratch / "mastery" / "mastery.db"
    with closing(sqlite3.connect(original, uri=True)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)
        tables = copy.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        for (table,) in tables.fetchall():
            if table not in KEPT | NEEDED_TO_OPEN:
                copy.execute(f"DELETE FROM {table}")
        copy.commit()
