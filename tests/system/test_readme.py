"""The README's own block: its commands are run, and what they print is what the README says they print."""

import os
import re
import subprocess
import sys

import pytest

from tests.support.paths import ROOT

SECONDS = re.compile(r"[0-9]+\.[0-9] s\b")
LINES_MAX = 80


def console_block() -> list[tuple[str, list[str]]]:
    """The commands of the README's console block, each with the lines printed below it."""
    text = (ROOT / "README.md").read_text()
    (block,) = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    commands: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            commands.append((line.removeprefix("$ "), []))
        else:
            commands[-1][1].append(line)
    return commands


def timeless(lines: list[str]) -> list[str]:
    """Without how long things took, and without blanks at the ends of lines."""
    return [SECONDS.sub("N s", line).rstrip() for line in lines]


@pytest.mark.system
def test_the_readme_says_what_its_commands_print() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("WAYPROOF_", "MAKE"))}
    for command, expected in console_block():
        done = subprocess.run(["sh", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        assert timeless(done.stdout.splitlines()) == timeless(expected), command


@pytest.mark.system
def test_the_same_day_on_postgresql_ends_in_the_same_words_and_bytes(postgres) -> None:
    """Stores, keys and the access register in a database: standings and the credential's digest are the README's."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("WAYPROOF_", "MAKE"))}
    environment["WAYPROOF_STORE_URL"] = postgres.fresh()
    migrate = subprocess.run([sys.executable, "-m", "services", "migrate"], cwd=ROOT, env=environment)
    assert migrate.returncode == 0
    command, expected = console_block()[0]
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert timeless(done.stdout.splitlines()) == timeless(expected)
    database = environment["WAYPROOF_STORE_URL"].rsplit("/", 1)[1]
    assert int(postgres.run("SELECT count(*) FROM mastery.event", database)) > 100


def test_the_story_is_short_enough_to_be_read() -> None:
    demo = console_block()[0][1]
    assert len(demo) <= LINES_MAX
