"""A progress bar for a person at a terminal; nothing where nobody looks."""

import sys
from typing import Any

import click


def progress_bar(length: int, label: str, *, quiet: bool) -> Any:
    """On standard error, so that the answer alone is on standard output."""
    hidden = quiet or not sys.stderr.isatty()
    return click.progressbar(length=length, label=label, file=sys.stderr, hidden=hidden)
