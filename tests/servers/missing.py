"""What the machine lacks, in one line that says what to install."""

import shutil
from pathlib import Path


class ServerMissing(Exception):
    """A server cannot be had on this machine; says what to install."""


def program(name: str, package: str) -> str:
    """The path of a program, or the name of the Debian package that brings it."""
    if found := shutil.which(name):
        return found
    raise ServerMissing(f"`{name}` is not installed; on Debian: apt-get install {package}")


def postgres_folder() -> Path:
    """Where Debian keeps the newest PostgreSQL's own programs; elsewhere, where `initdb` is found."""
    kept = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return (kept[-1] if kept else Path(program("initdb", "postgresql-15"))).parent
