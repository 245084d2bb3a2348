"""A file is settled row by row after its 202: killed in the middle it goes on where it was, and every row ends once."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from tests.support.documents import SHOP_SCALE, mapping, policy
from tests.support.ledger.oneroster import read_pieces
from tests.support.office import ORGANISATION, Office, Source
from tests.support.paths import SHARED_DATA
from tests.support.processes import Wayproof, running, wait_for
from tests.support.watch import at_rest, imported

PACKAGE = (SHARED_DATA / "oneroster" / "gradebook-valid.zip").read_bytes()
ROWS, LEVELS = 960, 720
KILLED_AT = (100, 350, 600)  # rows done


def test_an_import_goes_on_where_a_kill_left_it(tmp_path: Path):
    with running(tmp_path / "data", WAYPROOF_INGEST_IMPORT_ROWS_MAX="5") as system:
        office = Office(system)
        source = _prepared(office)
        taken = office.call("ingest", source.token, "POST", f"/v1/files/{source.id}", content=PACKAGE)

        interrupted = [_killed_after(office, source, taken["import"], rows) for rows in KILLED_AT]
        system.wait_ready()
        wait_for(lambda: _progress(office, source, taken["import"])["state"] == "done", 60, "the import is settled")

        assert all(rows < ROWS for rows in interrupted), interrupted
        assert interrupted == sorted(interrupted), "nothing is settled twice"
        told = _progress(office, source, taken["import"])
        assert told["outcomes"] == {"accepted": LEVELS, "no_claim": ROWS - LEVELS} == office.outcomes(source)
        items = office.call("ingest", office.auditor, "GET", f"/v1/receipts/{taken['receipt']}")["items"]
        assert [said["item"] for said in items] == list(range(ROWS))
        assert len({said["evidence"] for said in items if "evidence" in said}) == LEVELS
        wait_for(lambda: at_rest(system.data), 60, "the services are at rest")
        assert system.state()["ingest"]["starts"] == 1 + len(KILLED_AT)


def _prepared(office: Office) -> Source:
    named = dict.fromkeys(piece.competency for piece in read_pieces(PACKAGE))
    office.publish_framework("shop", {f"SHOP.{number}": identifier for number, identifier in enumerate(named, 1)})
    office.publish_scale(SHOP_SCALE)
    office.activate(policy("shop"))
    office.import_people(PACKAGE, organisation=ORGANISATION)
    return office.source("gradebook", mapping("oneroster-results"), "classroom")


def _progress(office: Office, source: Source, import_id: str) -> dict[str, Any]:
    said: dict[str, Any] = office.call("ingest", source.token, "GET", f"/v1/imports/{import_id}")
    return said


def _killed_after(office: Office, source: Source, import_id: str, rows: int) -> int:
    """Kill ingest once so many rows are done; how many were."""
    system = office.system
    wait_for(lambda: _progress(office, source, import_id)["rows_done"] >= rows, 30, f"{rows} rows are done")
    starts = system.state()["ingest"]["starts"]
    os.kill(system.pid("ingest"), signal.SIGKILL)
    settled, _ = imported(system.data)  # before it is up again and goes on
    wait_for(lambda: _up_again(system, starts), 30, "ingest is up again")
    return settled


def _up_again(system: Wayproof, starts: int) -> bool:
    said = system.state()["ingest"]
    time.sleep(0.01)
    return bool(said["ready"]) and said["starts"] > starts
