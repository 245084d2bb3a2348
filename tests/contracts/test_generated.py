"""What is generated is fresh, and says what the models say."""

import pytest

from contracts import build
from contracts.events import PUBLIC_EVENTS


def test_every_generated_file_is_fresh():
    assert [path.name for path in build.stale()] == []


def test_a_file_that_was_edited_by_hand_is_found_stale(tmp_path, monkeypatch):
    event = next(iter(PUBLIC_EVENTS.values()))
    path = tmp_path / "schema.json"
    monkeypatch.setattr(build, "generated", lambda: iter([(path, "as generated")]))
    assert build.stale() == [path]
    path.write_text("as generated")
    assert build.stale() == []
    path.write_text(event.__name__)
    assert build.stale() == [path]


@pytest.mark.parametrize("service", build.SERVICES)
def test_every_service_has_its_openapi_and_settings(service):
    assert (build.ROOT / "contracts" / "openapi" / f"{service}.json").exists()
    assert f"| {service}: `port` |" in (build.ROOT / "deploy" / "settings.md").read_text()
