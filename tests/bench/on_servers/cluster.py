"""A PostgreSQL that commits to disk, and how much processor time all its processes have used."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import Postgres

TICKS_A_S = os.sysconf("SC_CLK_TCK")


@contextmanager
def durable_postgres() -> Iterator[Postgres]:
    """As shipped but for memory: `fsync` and `synchronous_commit` are on, as whoever promises durability has them."""
    with Postgres(fsync="on", synchronous_commit="on", max_wal_size="4GB", shared_buffers="512MB") as cluster:
        yield cluster.start()


def family_s(pid: int) -> float:
    """Seconds of processor time of a process, of its children, and of those of them that have ended."""
    return sum(_used(member) for member in (pid, *_children(pid)))


def _used(pid: int) -> float:
    try:
        said = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # ended since it was listed: its parent has the sum by now
        return 0.0
    return sum(map(int, said[11:15])) / TICKS_A_S


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
