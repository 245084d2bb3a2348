"""`python tether.py USER FOLDER COMMAND...`: runs a server that ends at once when the process that started it does.

Standard input is a pipe whose other end the starter holds: the kernel closes it however the starter dies. The first
line printed is the server's process id. It runs in a group of its own, so that Ctrl-C reaches the starter alone.
What a dead starter can no longer tidy away, its server's folder, is removed.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading


def main() -> int:
    """Start the command as the user named (or as oneself for `-`), watch the pipe, exit as the command does."""
    user, folder, command = sys.argv[1], sys.argv[2], sys.argv[3:]
    as_user = {} if user == "-" else {"user": user, "group": _group(user), "extra_groups": []}
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, process_group=0, **as_user)
    orphaned = threading.Event()
    threading.Thread(target=_watch, args=[server.pid, orphaned], daemon=True).start()
    print(server.pid, flush=True)
    code = server.wait()
    if orphaned.is_set():
        shutil.rmtree(folder, ignore_errors=True)
    return abs(code)


def _group(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_gid


def _watch(group: int, orphaned: threading.Event) -> None:
    while os.read(0, 64):
        continue
    orphaned.set()
    os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
