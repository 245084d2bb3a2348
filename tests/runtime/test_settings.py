"""Settings: where they come from, in which order, and that a wrong one stops the start without telling its value."""

from typing import ClassVar

import pytest
from pydantic import Field

from services.runtime.settings import RuntimeSettings, SettingsRefused, load, variable


class LibrarySettings(RuntimeSettings):
    SERVICE: ClassVar[str] = "library"
    port: int = Field(8899, ge=1, description="The port.")
    loan_days: int = Field(14, description="How long.")


@pytest.fixture(autouse=True)
def _no_settings_of_ours(monkeypatch):
    for name in ("SETTINGS", "PORT", "DATA_DIR", "LIBRARY_PORT", "CLOCK_FILE", "IDS_SEED", "ENVIRONMENT"):
        monkeypatch.delenv(f"WAYPROOF_{name}", raising=False)


@pytest.fixture
def file(tmp_path, monkeypatch):
    def write(text):
        (tmp_path / "wayproof.toml").write_text(text)
        monkeypatch.setenv("WAYPROOF_SETTINGS", str(tmp_path / "wayproof.toml"))

    return write


def test_the_nearer_source_wins(file, monkeypatch):
    found = [load(LibrarySettings).loan_days]
    file("log_partitions = 8\n[library]\nloan_days = 21\n[elsewhere]\nanything = 1\n")
    found.append(load(LibrarySettings).loan_days)
    monkeypatch.setenv("WAYPROOF_LOAN_DAYS", "28")
    found.append(load(LibrarySettings).loan_days)
    monkeypatch.setenv("WAYPROOF_LIBRARY_LOAN_DAYS", "35")
    found.append(load(LibrarySettings).loan_days)
    found.append(load(LibrarySettings, loan_days=42).loan_days)
    assert found == [14, 21, 28, 35, 42]
    assert load(LibrarySettings).log_partitions == 8


def test_a_common_setting_can_be_set_for_one_service(file):
    file("poll_timeout_s = 1.0\n[library]\npoll_timeout_s = 2.0\n")
    assert (load(RuntimeSettings).poll_timeout_s, load(LibrarySettings).poll_timeout_s) == (1.0, 2.0)


@pytest.mark.parametrize("text", ["loan_days = 3", "[library]\nloan_dayz = 3", "no toml", "port 8"])
def test_a_file_with_a_name_nobody_knows_is_refused(file, text):
    file(text)
    with pytest.raises(SettingsRefused, match="WAYPROOF_SETTINGS"):
        load(LibrarySettings)


def test_a_refusal_names_the_variable_and_never_its_value(monkeypatch):
    monkeypatch.setenv("WAYPROOF_LIBRARY_PORT", "hunter2")
    with pytest.raises(SettingsRefused) as refused:
        load(LibrarySettings)
    assert "WAYPROOF_LIBRARY_PORT" in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("demo_only", [{"clock_file": "/clock"}, {"ids_seed": "seed"}])
def test_production_refuses_a_clock_that_stands_still_and_ids_that_repeat(demo_only):
    load(LibrarySettings, **demo_only)
    with pytest.raises(SettingsRefused, match="production refuses"):
        load(LibrarySettings, environment="production", **demo_only)


def test_a_setting_that_does_not_exist_is_refused():
    with pytest.raises(SettingsRefused, match="LOAN_WEEKS"):
        load(LibrarySettings, loan_weeks=2)


def test_a_setting_is_named_after_who_owns_it():
    assert variable(LibrarySettings, "host") == "WAYPROOF_HOST"
    assert variable(LibrarySettings, "port") == "WAYPROOF_LIBRARY_PORT"
