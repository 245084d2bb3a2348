"""The commands by name: each is loaded when it is called, so that `wayproof key` does not wait for a web framework."""

import importlib
import sys
from collections.abc import Callable

import click

# name -> (module:attribute, what `wayproof --help` says of it); nothing here is imported until it is called
COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("services.cli.supervise:up", "Run the three services and restart one that dies."),
    "ingest": ("services.ingest.main:run", "Run the ingest service alone."),
    "mastery": ("services.mastery.main:run", "Run the mastery service alone."),
    "credentials": ("services.credentials.main:run", "Run the credential service alone."),
    "demo": ("services.demo.command:demo", "One school day, from evidence to a verified credential."),
    "key": ("services.cli.keys:key", "Add, list and revoke access keys."),
    "tenant": ("services.cli.tenants:tenant", "Rotate the key that wraps all keys of a tenant."),
    "source": ("services.cli.sources:source", "Register what sends evidence."),
    "mapping": ("services.cli.mappings:mapping", "Say how a source's messages are read; try it first."),
    "roster": ("services.cli.roster:roster", "Import learners."),
    "learner": ("services.cli.learners:learner", "Find, link, merge or erase a learner."),
    "send": ("services.cli.send:send", "Send a file of evidence, resuming where it stopped."),
    "import": ("services.cli.imports:import_", "Files on their way; confirm or reject one that would remove a lot."),
    "quarantine": ("services.cli.quarantine:quarantine", "What could not be read, and why."),
    "framework": ("services.cli.frameworks:framework", "Import competency frameworks (CASE) and scales."),
    "policy": ("services.cli.policies:policy", "Check, put and activate a district's policy."),
    "achievement": ("services.cli.achievements:achievement", "Define what may be earned."),
    "standing": ("services.cli.records:standing", "Where a learner stands, as of and as known at any date."),
    "why": ("services.cli.records:why", "What a standing rests on: counted, excluded and by which rule."),
    "replay": ("services.cli.records:replay", "Every event of a learner with the value after it."),
    "verify": ("services.cli.verify:verify", "Verify a credential, offline."),
    "doctor": ("services.cli.doctor:doctor", "What is reachable, what is wrong, and what to do about it."),
    "topics": ("services.cli.topics:topics", "Make the topics on Kafka, or check them."),
    "migrate": ("services.cli.migrate:migrate", "Make or renew the schemas on PostgreSQL."),
    "restored": ("services.cli.restored:restored", "What to do once after a restore from a back-up."),
    "republish": ("services.cli.republish:republish", "Send again what a service published, for one that misses some."),
}


class Dispatch(click.Group):
    """A group that imports a command when it is called, and lists commands without importing any."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _load(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, said) for name, (_, said) in COMMANDS.items()])


def _load(name: str) -> click.Command:
    target, said = COMMANDS[name]
    module, _, attribute = target.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    return found if isinstance(found, click.Command) else _service(name, found, said)


def _service(name: str, run: Callable[[], int | None], said: str) -> click.Command:
    """A service's `run()` as a command: its exit code is the process's."""

    def call() -> None:
        from services.runtime.settings import SettingsRefused

        try:
            sys.exit(run() or 0)
        except SettingsRefused as refused:
            raise click.ClickException(str(refused)) from None

    return click.Command(name, callback=call, help=said)


@click.group(cls=Dispatch, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Evidence of learning from every pathway, one provable record of mastery.

    Exit codes: 0 done, 1 refused, 2 wrong usage.
    """
