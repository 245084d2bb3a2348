"""`python -m tests.servers [stop]`: a Kafka and a PostgreSQL for development, fresh each time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.servers import Broker, Postgres, ServerMissing
from tests.servers.process import ServerFailed
from tests.support.paths import ROOT

FOLDER = ROOT / ".cache" / "servers"
KEPT_BY = FOLDER / "pid"
SAID = FOLDER / "settings.env"
OUTPUT = FOLDER / "output.log"
WITHIN_S = 240.0
TICK_S = 0.1


def main() -> int:
    """Start them in the background and say the settings to use, or stop them."""
    match sys.argv[1:]:
        case []:
            return start()
        case ["stop"]:
            return stop()
        case ["keep"]:
            return keep()
    print("usage: python -m tests.servers [stop]", file=sys.stderr)
    return 2


def start() -> int:
    """The settings of what runs already, or of what is started now."""
    if keeper() is None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        SAID.unlink(missing_ok=True)
        with OUTPUT.open("wb") as output:
            command = [sys.executable, "-m", "tests.servers", "keep"]
            made = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        KEPT_BY.write_text(str(made.pid))
        deadline = time.monotonic() + WITHIN_S
        while not SAID.exists() and made.poll() is None and time.monotonic() < deadline:
            time.sleep(TICK_S)
    if not SAID.exists():
        print(OUTPUT.read_text().strip(), file=sys.stderr)
        return 1
    print(f"Kafka and PostgreSQL run until `make servers-stop`. Settings (also in {SAID.relative_to(ROOT)}):\n")
    print(SAID.read_text(), end="")
    return 0


def stop() -> int:
    """Whoever keeps them stops them in order; nothing to do when nobody does."""
    if (pid := keeper()) is not None:
        os.kill(pid, signal.SIGTERM)
        while keeper() is not None:
            time.sleep(TICK_S)
    KEPT_BY.unlink(missing_ok=True)
    SAID.unlink(missing_ok=True)
    return 0


def keep() -> int:
    """The process that holds both on their tethers."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with Postgres() as postgres, Broker() as broker:
            postgres.start()
            broker.start()
            _say(postgres, broker)
            signal.pause()
    except (ServerMissing, ServerFailed) as error:
        print(error)
        return 1
    return 0


def keeper() -> int | None:
    """The process that keeps them, when it lives and is really that."""
    try:
        pid = int(KEPT_BY.read_text())
        said = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if b"tests.servers\0keep" in said else None


def _say(postgres: Postgres, broker: Broker) -> None:
    draft = SAID.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text(f"WAYPROOF_LOG_URL=kafka://{broker.bootstrap}\nWAYPROOF_STORE_URL={postgres.fresh()}\n")
    draft.rename(SAID)


if __name__ == "__main__":
    sys.exit(main())
