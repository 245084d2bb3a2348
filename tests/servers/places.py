"""Where a server lives: a folder of its own, a free port, a user who is not root."""

import os
import pwd
import shutil
import socket
import tempfile
from pathlib import Path
from random import SystemRandom

UNPRIVILEGED = ("postgres", "nobody")
PORTS = range(20_000, 30_000)  # below those given to outgoing connections: a client cannot take a stopped server's
KEEPERS: list[socket.socket] = []  # one a port given out


def unprivileged_user() -> str | None:
    """Whom a root caller runs servers as; none for anybody else, who runs them as oneself."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in UNPRIVILEGED if name in known)


def new_folder(name: str) -> Path:
    """An empty folder that the unprivileged user owns and can reach."""
    folder = Path(tempfile.mkdtemp(prefix=f"wayproof-{name}-", dir="/tmp"))
    give(folder)
    return folder


def give(path: Path) -> None:
    """Make a file or folder the unprivileged user's."""
    if user := unprivileged_user():
        shutil.chown(path, user, pwd.getpwnam(user).pw_gid)


def write(path: Path, text: str) -> Path:
    """A file only the server's user can read."""
    path.touch(mode=0o600)
    path.write_text(text)
    give(path)
    return path


def free_port() -> int:
    """A loopback port of this process's own until it ends: whoever else asks, here or elsewhere, gets another.

    What keeps it does not listen, and lets a server bind beside it that reuses addresses, as Java, PostgreSQL and
    asyncio do. So nobody takes the port of a server that has not started yet, or is down for a while.
    """
    for port in SystemRandom().sample(PORTS, 200):
        keeper = socket.socket()
        try:
            keeper.bind(("127.0.0.1", port))
        except OSError:
            keeper.close()
            continue
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # not before: two keepers would get along
        KEEPERS.append(keeper)
        return port
    raise AssertionError("no free port among 200")


def listening(port: int) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
