"""`python -m tests.faults [--scale 0.1] [--seed N] [--keep]`: one round; 0 when every invariant held."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.faults import report
from tests.faults.fleet import Fleet
from tests.faults.ground import OWN_MOUNTS, ground, ground_of_three
from tests.faults.plan import Plan
from tests.faults.siege import Siege
from tests.faults.verdict import judge
from tests.support.office import Office

SETTINGS = {
    "WAYPROOF_INGEST_IMPORT_ROWS_MAX": "25",  # of a file in one transaction, so that a file takes several
    "WAYPROOF_LEASE_S": "3",  # a killed process's partitions wait so long for another
    "WAYPROOF_HEARTBEAT_S": "1",
}


def main() -> int:
    """Draw a seed when none is said, and say it."""
    asked = argparse.ArgumentParser(prog="python -m tests.faults")
    asked.add_argument("--scale", type=float, default=1.0, help="share of the whole round: 100,000 pieces, 148 faults")
    asked.add_argument("--seed", type=int, default=None, help="repeats traffic and schedule, as far as real time lets")
    asked.add_argument("--three-brokers", action="store_true", help="instead: one of three killed, the flow goes on")
    asked.add_argument("--keep", action="store_true", help="write what came of it to docs/reliability.md")
    said = asked.parse_args()
    seed = random.SystemRandom().randrange(10**8) if said.seed is None else said.seed
    with_own_mounts(
        [
            "--scale",
            str(said.scale),
            "--seed",
            str(seed),
            *["--three-brokers"] * said.three_brokers,
            *["--keep"] * said.keep,
        ]
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # in order: servers, mounts and folders go with it
    plan = (Plan.of_three_brokers if said.three_brokers else Plan.scaled)(seed, said.scale)
    print(
        f"seed {seed}: {plan.pieces} pieces, " + ", ".join(f"{n} {kind}" for kind, n in plan.blows.items()), flush=True
    )
    return run(plan, three_brokers=said.three_brokers, keep=said.keep)


def with_own_mounts(arguments: list[str]) -> None:
    """Begin again in a mount namespace that ends with this process, where the system lets us have one."""
    if os.environ.get(OWN_MOUNTS) is not None or os.geteuid() != 0 or (unshare := shutil.which("unshare")) is None:
        return
    own = [unshare, "--mount", "--propagation", "private"]
    if subprocess.run([*own, "true"], capture_output=True).returncode == 0:
        os.environ[OWN_MOUNTS] = "yes"
        os.execv(unshare, [*own, sys.executable, "-m", "tests.faults", *arguments])


def run(plan: Plan, *, three_brokers: bool, keep: bool) -> int:
    """One round, and what came of it."""
    began, folder = time.monotonic(), Path(tempfile.mkdtemp(prefix="wayproof-faults-"))
    try:
        with (ground_of_three if three_brokers else ground)(plan.pieces) as made:
            print(f"{time.monotonic() - began:6.1f} s  servers up", flush=True)
            fleet = Fleet(folder / "data", {**made.settings, **SETTINGS}, made.superuser_url)
            fleet.start()
            print(f"{time.monotonic() - began:6.1f} s  services ready", flush=True)
            try:
                siege = Siege(Office(fleet), plan).prepare()
                print(f"{time.monotonic() - began:6.1f} s  school enrolled", flush=True)
                siege.besiege(made)
                verdict = judge(siege, folder / "scratch")
                took_s = time.monotonic() - siege.began
            except BaseException:
                print(*made.says(), *(member.says() for member in fleet.members.values()), sep="\n", flush=True)
                raise
            finally:
                fleet.kill()
    except BaseException:
        print(f"what the services said is in {folder}", flush=True)
        raise
    section = report.written(siege, verdict, took_s, fleet.ends, "three brokers" if three_brokers else "whole")
    print(section)
    print(f"{time.monotonic() - began:6.1f} s  everything", flush=True)
    if keep:
        report.keep(section, "three brokers" if three_brokers else "whole")
    if not verdict.broken:
        shutil.rmtree(folder)
        return 0
    print(f"what the services said is in {folder}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
