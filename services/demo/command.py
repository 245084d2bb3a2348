"""`wayproof demo`: the story on a stage of its own."""

import time
from pathlib import Path

import click

from services.demo.site import NotAsTold
from services.demo.stage import Stage
from services.demo.story import Story
from services.demo.teller import counted, say


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
            say("figures", f"{counted(story.outcomes)}; {events} events in {len(story.school.students)} records")
            say("", f"{issued} credentials; started in {ready - began:.1f} s, told in {time.monotonic() - ready:.1f} s")
    except NotAsTold as failed:
        raise click.ClickException(str(failed)) from None
    say("", f"every step held; look around in {folder}")
