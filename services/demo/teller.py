"""How the story is told: a line only for what the services answered, and each step held to it."""

import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import click

from services.demo.school import Student
from services.demo.senders import Auditor
from services.demo.site import NotAsTold
from services.demo.stage import Stage
from services.runtime.clock import format_instant


class Teller:
    """Asks as an auditor would, and says what was answered."""

    def __init__(self, stage: Stage, auditor: Auditor) -> None:
        self.stage, self.auditor = stage, auditor

    def standing(self, who: Student) -> dict[str, Any]:
        """Where somebody stands in teamwork, when all is at rest."""
        self.stage.settle()
        standing = self.auditor.team(who)
        short = f", short of: {', '.join(standing['why'])}" if standing["why"] else ""
        say("", f"  {who.given}'s teamwork: {standing['result']} ({len(standing['counted'])} counted{short})")
        return standing

    def why(self, who: Student) -> None:
        """What was counted, and since when it was known."""
        for piece in self.auditor.why(who)["policies"][0]["evidence"]:
            seen = f"{piece['pathway']:<10} level {piece['level']} by {piece['assessor']}"
            say("", f"    {piece['occurred_at'][:10]}  {seen:<42} known {piece['recorded_at'][:10]}")

    def verify(self, credential: dict[str, Any], name: str) -> int:
        """A file, and what the command says of it; its exit code."""
        path = self.stage.folder / f"{name}.json"
        path.write_bytes(self.auditor.bundle(credential))
        at = format_instant(self.stage.clock.now())
        command = [sys.executable, "-m", "services", "verify", str(path), "--at", at]
        told = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        for line in told.stdout.splitlines()[:1] + [line for line in told.stdout.splitlines() if "revoked" in line][:1]:
            say("", f"  wayproof verify {path.name}: {line.strip()}")
        return told.returncode


def say(when: str, what: str) -> None:
    """One line of the story."""
    click.echo(f"{when:<10}  {what}")


def hold(held: bool, what: str) -> None:
    """The story is only worth telling while every step of it holds."""
    if not held:
        raise NotAsTold(f"this did not hold: {what}")


def counted(outcomes: Mapping[str, int]) -> str:
    """How many came to which end, in words."""
    return ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in outcomes.items() if count)
