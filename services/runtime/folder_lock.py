"""One process a data folder: whoever comes second says who has it, and ends."""

import fcntl
import os
from pathlib import Path


class FolderLock:
    """Holds a data folder for one process, until it is closed or the process ends."""

    def __init__(self, handle: int) -> None:
        self._handle = handle  # a bare descriptor: dropping this object does not let go of the folder

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def lock_folder(path: Path) -> FolderLock:
    """Take the folder for this process; when another has it, exit 1 and say which."""
    path.mkdir(parents=True, exist_ok=True)
    handle = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(handle, 20).decode(errors="replace").strip()
        os.close(handle)
        raise SystemExit(f"{path} is in use by process {holder or 'unknown'}; stop it first") from None
    os.truncate(handle, 0)
    os.write(handle, f"{os.getpid()}\n".encode())
    return FolderLock(handle)
