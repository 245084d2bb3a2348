"""`wayproof doctor`: what is reachable, what is wrong, and what to do about it."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import click

from services.cli.checkup.finding import Finding, surely
from services.cli.client import DEFAULT_URLS, show
from services.runtime.clock import Clock, SteppedClock, SystemClock
from services.runtime.settings import RuntimeSettings, load

MARKS = {"good": ("ok   ", "green"), "watch": ("watch", "yellow"), "wrong": ("WRONG", "red")}


def _addressed(command: click.decorators.FC) -> click.decorators.FC:
    """An address for each service."""
    for name in reversed(DEFAULT_URLS):
        variable = f"WAYPROOF_{name.upper()}_URL"
        said = f"Where {name} is; else as `wayproof up` says, or {DEFAULT_URLS[name]}."
        command = click.option(f"--{name}-url", name, envvar=variable, show_envvar=True, help=said)(command)
    return command


@click.command()
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="The data folder; otherwise as the services are told by WAYPROOF_DATA_DIR.",
)
@_addressed
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def doctor(data_dir: Path | None, as_json: bool, **urls: str | None) -> None:
    """Look at everything and say what is wrong and what to do about it; changes nothing.

    It looks at the three services (reachable, ready, how much they still have to do, clocks) and at the data folder
    of this machine (disk, access register, key store, versions of the stores, what waits for a person).

    Exit 0 when nothing is wrong, 1 when something is.
    """
    settings = load(RuntimeSettings, data_dir=data_dir)
    clock = SteppedClock(settings.clock_file) if settings.clock_file else SystemClock()
    findings = list(_examine(settings.data_dir, clock, urls))
    wrong = [finding for finding in findings if finding.state == "wrong"]
    if as_json:
        show({"well": not wrong, "findings": [finding.as_json() for finding in findings]}, as_json)
    else:
        _tell(findings, len(wrong))
    raise click.exceptions.Exit(1 if wrong else 0)


def _examine(data: Path, clock: Clock, urls: dict[str, str | None]) -> Iterator[Finding]:
    from services.cli.checkup.running import Running, addresses, restarts

    for name, url in addresses(data, urls).items():
        yield from surely(name, Running(name, url).look)
    yield from surely("wayproof up", partial(restarts, data))
    if data.is_dir():
        yield from _examine_folder(data, clock)
    else:
        remedy = "say --data-dir or WAYPROOF_DATA_DIR, as the services are told; or run it where the folder is"
        yield Finding("data folder", "wrong", f"there is no {data.absolute()}", remedy)


def _examine_folder(data: Path, clock: Clock) -> Iterator[Finding]:
    from services.cli.checkup.folder import Folder
    from services.credentials.storage.schema import MIGRATIONS as CREDENTIALS
    from services.ingest.storage.schema import MIGRATIONS as INGEST
    from services.mastery.storage.partitions import MASTERY_MIGRATIONS as MASTERY

    folder = Folder(data, clock, {"ingest": INGEST, "mastery": MASTERY, "credentials": CREDENTIALS})
    yield from surely("disk", folder.disk)
    yield from surely("access register", folder.access)
    yield from surely("key store", folder.key_store)
    for service in DEFAULT_URLS:
        yield from surely(f"{service} store", partial(folder.store, service))
    yield from surely("clock", folder.clock)
    yield from surely("waiting", folder.waiting)


def _tell(findings: Sequence[Finding], wrong: int) -> None:
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        mark, colour = MARKS[finding.state]
        click.echo(f"{click.style(mark, fg=colour)}  {finding.what:<{width}}  {finding.said}")
        if finding.remedy:
            click.echo(f"{'':5}  {'':<{width}}  -> {finding.remedy}")
    click.echo("nothing is wrong" if not wrong else f"{wrong} wrong: see the lines marked ->")
