"""What the settings choose, and that a service on a schema of another version does not start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from services.cli.dispatch import main
from services.runtime.folder_lock import lock_folder
from services.runtime.opening import held, open_store, url_of
from services.runtime.settings import RuntimeSettings, SettingsRefused, load
from services.runtime.store.postgres import PostgresDatabase
from services.runtime.store.sqlite import SqliteDatabase
from tests.support.paths import ROOT

STORES = ["ingest", "mastery", "credentials", "keys", "ring", "access"]


def settings(folder: Path, **said: object) -> RuntimeSettings:
    return load(RuntimeSettings, data_dir=folder, **said)


def test_without_a_url_the_store_is_a_file_and_the_folder_is_held(tmp_path):
    with held(settings(tmp_path), "ingest"), pytest.raises(SystemExit):
        lock_folder(tmp_path / "ingest")
    database = open_store(settings(tmp_path), "ingest", ())
    assert isinstance(database, SqliteDatabase)
    database.close()


def test_a_url_that_is_no_databases_is_refused_without_repeating_it(tmp_path):
    with pytest.raises(SettingsRefused) as refused:
        settings(tmp_path, store_url="mysql://wayproof:a-secret@host/x")
    assert "WAYPROOF_STORE_URL" in str(refused.value)
    assert "a-secret" not in str(refused.value)


def test_a_password_may_lie_in_a_file_and_is_never_shown(tmp_path):
    (tmp_path / "password").write_text("a-secret\n")
    said = settings(tmp_path, store_url="postgresql://wayproof@host/x", store_password_file=tmp_path / "password")
    assert said.store_url is not None
    assert "a-secret" in url_of(said, said.store_url)
    shown = settings(tmp_path, store_url="postgresql://wayproof:a-secret@host/x")
    assert "a-secret" not in repr(shown) + str(shown.model_dump())


def migrated(url: str, *options: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["migrate", *options], env={"WAYPROOF_STORE_URL": url})
    return done.exit_code, done.output


def test_migrate_makes_every_schema_once(postgres, tmp_path):
    url = postgres.fresh()
    code, output = migrated(url)
    assert (code, [line.split(":")[0] for line in output.splitlines()]) == (0, STORES)
    code, output = migrated(url)
    assert code == 0
    assert all(line.split("schema ")[1].split(" -> ")[0] == line.split(" -> ")[1] for line in output.splitlines())
    database = open_store(settings(tmp_path, store_url=url), "ring", ("",))
    assert isinstance(database, PostgresDatabase)
    database.close()


def test_migrate_says_so_when_nothing_is_on_postgresql(monkeypatch):
    monkeypatch.delenv("WAYPROOF_STORE_URL", raising=False)
    done = CliRunner().invoke(main, ["migrate"])
    assert done.exit_code == 1
    assert "WAYPROOF_STORE_URL" in done.output


@pytest.mark.parametrize("change", ["version - 1", "version + 1"])
def test_a_service_on_a_schema_of_another_version_exits_1_and_names_both(postgres, tmp_path, change):
    url = postgres.fresh()
    assert migrated(url)[0] == 0
    name = url.rsplit("/", 1)[1]
    known = int(postgres.run("SELECT version FROM mastery.schema_version", name))
    postgres.run(f"UPDATE mastery.schema_version SET version = {change}", name)
    found = int(postgres.run("SELECT version FROM mastery.schema_version", name))
    env = {**os.environ, "WAYPROOF_STORE_URL": url, "WAYPROOF_DATA_DIR": str(tmp_path), "WAYPROOF_MASTERY_PORT": "0"}
    ran = subprocess.run(
        [sys.executable, "-m", "services", "mastery"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 1
    assert f"schema {found} found" in ran.stderr
    assert str(known) in ran.stderr
    assert "Traceback" not in ran.stderr
    assert url not in ran.stderr
