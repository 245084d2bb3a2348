"""Kafka's jars: fetched once by Maven from coordinates, every byte compared with what is pinned in `deploy/kafka`."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.servers.missing import ServerMissing, program
from tests.servers.places import unprivileged_user
from tests.support.paths import ROOT

POM = ROOT / "deploy" / "kafka" / "pom.xml"
PINNED = ROOT / "deploy" / "kafka" / "jars.sha256"
CACHE = ROOT / ".cache" / "kafka"
FETCH_S = 600.0


def jars() -> Path:
    """The folder of verified jars, fetched when it is not there or not as pinned; one process at a time fetches."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = CACHE / "libs"
        if wrong(folder):
            _fetch(folder)
        if found := wrong(folder):
            raise ServerMissing(f"{len(found)} of Kafka's jars are not the pinned ones: {', '.join(found[:3])}")
    return folder


def within(folder: Path) -> Path:
    """The jars where the unprivileged user can read them, wherever the checkout lies."""
    if unprivileged_user() is None:
        return jars()
    place = folder / "libs"
    if not place.exists():
        shutil.copytree(jars(), place, copy_function=_link_or_copy)
        place.chmod(0o755)
    return place


def wrong(folder: Path) -> list[str]:
    """The names of jars that are missing, altered, or not pinned."""
    pinned = dict(reversed(line.split()) for line in PINNED.read_text().splitlines())
    there = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.jar")}
    return sorted(name for name in pinned.keys() | there.keys() if pinned.get(name) != there.get(name))


def _fetch(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    command = [program("mvn", "maven"), "-q", "-B", "-f", str(POM), "dependency:copy-dependencies"]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={folder}"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_S)
    if said.returncode != 0:
        last = (said.stdout + said.stderr).strip().splitlines()[:1]
        raise ServerMissing(f"Maven could not fetch Kafka's jars: {' '.join(last)}")


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)
    os.chmod(target, 0o644)
