"""One school day after another: three pathways, one record, a credential, late news, a withdrawal, an auditor."""

import subprocess
import sys
import time
from collections import Counter
from hashlib import sha256
from pathlib import Path

import click

from services.demo.school import Student, internship_form, open_school
from services.demo.senders import Auditor, Registrar, Senders
from services.demo.site import NotAsTold
from services.demo.stage import Stage
from services.runtime.clock import format_instant

LEDGER = Counter[str]


class Story:
    """The telling: a line is printed only for what the services answered, and each step is held to it."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.school, self.outcomes = stage, open_school(), LEDGER()
        self.ada, self.ben = self.school.named("Ada"), self.school.named("Ben")
        registrar = Registrar(stage)
        registrar.prepare(self.school)
        self.senders = Senders(stage, self.school, registrar.secret)
        self.auditor = Auditor(stage, registrar.learners)
        say("2026-09-01", f"{len(self.school.students)} learners on the roster, three sources, one policy in force:")
        say("", "  teamwork takes three proficient ratings from three pathways and three assessors, one at work")

    def tell(self) -> None:
        """All of it."""
        self.classroom()
        self.virtual_school()
        self.employer()
        self.credential()
        self.late_news()
        self.withdrawal()
        self.two_answers()
        self.senders.close()

    def classroom(self) -> None:
        """The student information system sends its nightly package."""
        self.stage.on("2026-09-11")
        outcomes = self.senders.classroom("2026-09-10")
        self.outcomes.update(outcomes)
        say("2026-09-11", f"classroom, OneRoster 1.2 ZIP: {_counts(outcomes)}")
        hold(outcomes["accepted"] == 24, "every level of the package is accepted")

    def virtual_school(self) -> None:
        """The virtual school streams, and sends its last line twice."""
        self.stage.on("2026-09-25")
        next_line, outcomes = self.senders.virtual("2026-09-24", again=True)
        self.outcomes.update(outcomes)
        say("2026-09-25", f"virtual school, NDJSON stream: {_counts(Counter(outcomes))}; next line {next_line}")
        hold(Counter(outcomes) == {"accepted": 12, "duplicate": 1}, "a repeated line is acknowledged and counted once")
        standing = self._standing(self.ada)
        hold(standing["result"] == "not_met", "two pathways are not three")

    def employer(self) -> None:
        """The employer's form tool posts Ada's evaluation, and retries it."""
        self.stage.on("2026-10-03")
        form = internship_form(self.ada, "form-77", "2026-10-02", TEAM="3", SAFE="4")
        status, receipt = self.senders.employer("msg_ada_1", form)
        again, same = self.senders.employer("msg_ada_1", form)
        self.outcomes.update(receipt["outcomes"])
        say("2026-10-03", f"employer, signed webhook: {status} with a receipt; its retry: {again}, the same receipt")
        hold(receipt["receipt"] == same["receipt"], "a retry gets the same receipt")
        standing = self._standing(self.ada)
        hold(standing["result"] == "met", "classroom, virtual school and employer make the competence")
        self._why(self.ada)

    def credential(self) -> None:
        """The threshold became a credential, which anybody can check without us."""
        issued = self.auditor.credentials(self.ada)
        hold(len(issued) == 1, "one credential for one threshold")
        signed = self.auditor.signed(issued[0])
        say("", f"credential issued to Ada: {issued[0]['credential']}")
        digest = sha256(signed).hexdigest()[:16]
        say("", f"  Open Badges 3.0, {len(signed)} bytes, SHA-256 {digest}… (the same in every run)")
        hold(self._verify(issued[0], "ada") == 0, "the credential verifies offline")
        hold(self.auditor.credentials(self.ben) == [], "nothing is issued without evidence")

    def late_news(self) -> None:
        """What was true in September is learned in October."""
        self.stage.on("2026-10-20")
        form = internship_form(self.ben, "form-81", "2026-09-28", TEAM="3", SAFE="3")
        status, receipt = self.senders.employer("msg_ben_1", form)
        self.outcomes.update(receipt["outcomes"])
        say("2026-10-20", f"a late evaluation: Ben's internship ended on 28 September; {status}")
        self._standing(self.ben)

    def withdrawal(self) -> None:
        """The hospital withdraws Ada's evaluation: the retraction reaches the credential."""
        self.stage.on("2026-10-26")
        form = internship_form(self.ada, "form-77", "2026-10-02", TEAM="3", SAFE="4")
        _, receipt = self.senders.employer("msg_ada_2", {**form, "type": "evaluation.withdrawn"})
        self.outcomes.update(receipt["outcomes"])
        say("2026-10-26", "the hospital withdraws Ada's evaluation: it rated another intern")
        standing = self._standing(self.ada)
        hold(standing["result"] == "not_met", "a withdrawn rating counts no more")
        (credential,) = self.auditor.credentials(self.ada)
        hold(bool(credential["revoked"]), "the lapse revoked the credential, as its rule says")
        hold(self._verify(credential, "ada-revoked") == 1, "the revoked credential no longer verifies")

    def two_answers(self) -> None:
        """What was true, and what was known: the auditor asks the same question twice."""
        say("auditor", "was Ben proficient in teamwork on 30 September?")
        answers = [
            self.auditor.team(self.ben, as_of="2026-09-30", known_at=day) for day in ("2026-10-01", "2026-10-21")
        ]
        self.stage.on("2026-10-28")
        final = [self.auditor.team(self.ben, as_of="2026-09-30", known_at=day) for day in ("2026-10-01", "2026-10-21")]
        for day, row in zip(("1", "21"), final, strict=True):
            said = f"{row['result']:<8} {len(row['counted'])} counted  {', '.join(row['why']) or '-'}"
            say("", f"  as known on {day:>2} October: {said}  ({row['finality']})")
        hold(
            [row["result"] for row in final] == ["not_met", "met"],
            "late evidence changes what was true, not what was known",
        )
        hold([row["counted"] for row in answers] == [row["counted"] for row in final], "asked again, the same answer")
        hold(all(row["finality"] == "final" for row in final), "both answers are final")

    def _standing(self, who: Student) -> dict[str, object]:
        self.stage.settle()
        standing = self.auditor.team(who)
        short = f", short of: {', '.join(standing['why'])}" if standing["why"] else ""
        say("", f"  {who.given}'s teamwork: {standing['result']} ({len(standing['counted'])} counted{short})")
        return standing

    def _why(self, who: Student) -> None:
        for piece in self.auditor.why(who)["policies"][0]["evidence"]:
            seen = f"{piece['pathway']:<10} level {piece['level']} by {piece['assessor']}"
            say("", f"    {piece['occurred_at'][:10]}  {seen:<42} known {piece['recorded_at'][:10]}")

    def _verify(self, credential: dict[str, object], name: str) -> int:
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


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), default="var/demo", show_default=True)
def demo(folder: Path) -> None:
    """Tell one school day in the terminal; exit 0 only if every step held. The folder is made anew."""
    began = time.monotonic()
    click.echo("Wayproof: evidence from every pathway, one provable record of mastery. A school day:")
    try:
        with Stage(folder.absolute(), seed="maple", start="2026-09-01T09:00:00Z") as stage:
            ready = time.monotonic()
            story = Story(stage)
            story.tell()
            events = sum(len(story.auditor.events(student)) for student in story.school.students)
            issued = sum(len(story.auditor.credentials(student)) for student in story.school.students)
            say("figures", f"{_counts(story.outcomes)}; {events} events in {len(story.school.students)} records")
            say("", f"{issued} credentials; started in {ready - began:.1f} s, told in {time.monotonic() - ready:.1f} s")
    except NotAsTold as failed:
        raise click.ClickException(str(failed)) from None
    say("", f"every step held; look around in {folder}")


def _counts(outcomes: "Counter[str] | dict[str, int]") -> str:
    return ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in outcomes.items() if count)
