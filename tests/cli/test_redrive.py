"""`wayproof quarantine redrive`: every page of what is chosen, and how much came to which end."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from services.cli.client import Client
from services.cli.quarantine import quarantine

PAGES = [
    {"dry_run": False, "outcomes": {"accepted": 2}, "items": [{"outcome": "accepted"}] * 2, "next": "7.1"},
    {"dry_run": False, "outcomes": {"superseded": 1}, "items": [{"outcome": "superseded", "id": "q-3"}], "next": None},
]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the command asks for; the answers are PAGES, one after the other."""
    found: list[dict[str, Any]] = []

    def post(self: Client, path: str, document: Any, **_: object) -> Any:
        assert path == "/v1/quarantine/redrive"
        found.append(document)
        return json.loads(json.dumps(PAGES[len(found) - 1]))

    monkeypatch.setattr(Client, "post", post)
    return found


def test_all_pages_are_asked_for_and_summed_up(asked: list[dict[str, Any]]) -> None:
    done = CliRunner().invoke(quarantine, ["redrive", "--source", "maple.virtual", "--mapping", "3"])
    assert done.exit_code == 0, done.output
    first = {"source": "maple.virtual", "mapping": 3, "dry_run": False}
    assert asked == [first, {**first, "after": "7.1"}]
    assert "q-3" in done.output
    assert done.output.splitlines()[-1] == "2 accepted, 1 superseded"


def test_a_program_gets_one_document(asked: list[dict[str, Any]]) -> None:
    done = CliRunner().invoke(quarantine, ["redrive", "q-3", "--dry-run", "--json"])
    assert asked[0] == {"ids": ["q-3"], "dry_run": True}
    said = json.loads(done.output)
    assert (said["outcomes"], len(said["items"]), said["next"]) == ({"accepted": 2, "superseded": 1}, 3, None)
