"""`wayproof learner erase` and `wayproof tenant rotate-key` on a real service: asked first, done once, said plainly."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner, Result

from services.cli.dispatch import main
from services.runtime.keys import KeyDestroyed
from tests.cli.fake import serving
from tests.ingest.house import TENANT, House, furnished
from tests.ingest.test_merging import merge

REASON = ("--reason", "asked for by a guardian")
Command = Callable[..., Result]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with furnished(tmp_path) as made:
        yield made


@pytest.fixture
def erase(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    with serving(house.service.app) as url:
        monkeypatch.setenv("WAYPROOF_INGEST_URL", url)
        monkeypatch.setenv("WAYPROOF_KEY", token(house, "registrar"))
        yield lambda *words, **said: CliRunner().invoke(main, ["learner", "erase", *map(str, words)], **said)


def token(house: House, role: str) -> str:
    return house.token(role)["Authorization"].removeprefix("Bearer ")


def rotate(*words: str) -> Result:
    return CliRunner().invoke(main, ["tenant", "rotate-key", *words])


def gone(house: House, learner: UUID) -> bool:
    try:
        house.keys.learner_key(TENANT, learner)
    except KeyDestroyed:
        return True
    return False


@pytest.mark.parametrize("typed", ["n\n", "\n", ""])
def test_nothing_is_erased_before_somebody_has_said_yes(house: House, erase: Command, typed: str) -> None:
    ana = house.learner("100")
    answer = erase(ana, *REASON, input=typed)
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert f"Erase {ana}? This cannot be taken back." in answer.stderr
    assert not gone(house, ana)


def test_somebody_who_says_yes_is_told_when_and_by_which_erasure(house: House, erase: Command) -> None:
    ana = house.learner("100")
    answer = erase(ana, *REASON, input="y\n")
    assert answer.exit_code == 0, answer.output
    assert answer.stdout.startswith("erased at 2026-11-20T12:00:00.000000Z; erasure ")
    assert gone(house, ana)


def test_a_script_says_yes_beforehand_and_reads_json_the_second_time_the_same(house: House, erase: Command) -> None:
    ana = house.learner("100")
    first, again = (erase(ana, *REASON, "--yes", "--json") for _ in range(2))
    assert (first.exit_code, again.exit_code, again.stdout) == (0, 0, first.stdout)
    told = json.loads(first.stdout)
    assert (told["learner"], told["complete"], set(told["events"])) == (str(ana), True, {str(ana)})


def test_a_file_still_being_read_is_said(house: House, erase: Command) -> None:
    ana = house.learner("100")
    with house.parts.database.write() as cursor:  # as one that waits for a person to confirm it
        cursor.execute(
            "INSERT INTO import (id, tenant, source, receipt, mapping, next_row, state) VALUES (?, ?, ?, 0, 1, 0, ?)",
            (b"i" * 16, TENANT, "maple.rows", "needs-confirmation"),
        )
    answer = erase(ana, *REASON, "--yes")
    assert (answer.exit_code, len(answer.stdout.splitlines())) == (0, 2)
    assert "still being read" in answer.stdout


def test_nobody_is_refused_in_words_or_as_a_problem(house: House, erase: Command) -> None:
    words, problem = erase(uuid4(), *REASON, "--yes"), erase(uuid4(), *REASON, "--yes", "--json")
    assert (words.exit_code, words.stdout, problem.exit_code) == (1, "", 1)
    assert words.stderr.startswith("Error: No learner of this id")
    assert json.loads(problem.stdout)["type"] == "/problems/learner-unknown"


def test_a_merged_id_is_refused_and_the_one_to_erase_is_named(house: House, erase: Command) -> None:
    ana, anna = house.learner("100"), house.learner("200")
    merge(house, ana, anna)
    answer = erase(ana, *REASON, "--yes")
    assert (answer.exit_code, str(anna) in answer.stderr) == (1, True), answer.stderr
    assert not gone(house, anna)


@pytest.mark.parametrize("role", ["teacher", "operator", "district", "adviser", None])
def test_only_a_registrar_may(house: House, erase: Command, role: str | None) -> None:
    ana = house.learner("100")
    key = ("--key", token(house, role) if role else "wp_0.unknown")
    answer = erase(ana, *REASON, "--yes", *key)
    assert (answer.exit_code, answer.stdout, gone(house, ana)) == (1, "", False)
    assert answer.stderr.startswith("Error: ")


def test_a_service_that_is_away_is_said_and_the_same_may_be_asked_again(house: House, erase: Command) -> None:
    answer = erase(house.learner("100"), *REASON, "--yes", "--url", "http://127.0.0.1:9")
    assert answer.exit_code == 1
    assert "cannot be reached" in answer.stderr


@pytest.mark.parametrize("words", [[], ["Ada", *REASON], [str(uuid4())]])
def test_wrong_usage_is_2_and_asks_nothing(erase: Command, words: list[str]) -> None:
    assert erase(*words, "--yes").exit_code == 2


def test_a_reason_has_words(house: House, erase: Command) -> None:
    ana = house.learner("100")
    assert (erase(ana, "--reason", " ", "--yes").exit_code, gone(house, ana)) == (1, False)


def test_a_rotation_says_what_it_wrapped_and_may_be_repeated(house: House) -> None:
    ana = house.learner("100")
    told = rotate(TENANT, "--data-dir", str(house.folder), "--json")
    first = json.loads(told.stdout)
    assert (told.exit_code, first["tenant"], first["generation"]) == (0, TENANT, 2)
    again = rotate(TENANT, "--data-dir", str(house.folder))
    assert again.exit_code == 0
    assert again.stdout.splitlines() == [
        f"{first['keys']} keys of maple are wrapped anew (generation 3)",
        "The old wrap key is destroyed: take a new back-up of the key store.",
    ]
    assert house.keys.learner_key(TENANT, ana), "who was not erased is as before"


def test_a_rotation_follows_the_settings_of_the_services(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.learner("100")
    monkeypatch.setenv("WAYPROOF_DATA_DIR", str(house.folder))
    assert json.loads(rotate(TENANT, "--json").stdout)["generation"] == 2


def test_a_tenant_without_keys_is_refused(house: House) -> None:
    house.learner("100")
    answer = rotate("mapel", "--data-dir", str(house.folder))
    assert (answer.exit_code, answer.stdout, answer.stderr) == (1, "", "Error: mapel has no keys here\n")


def test_a_folder_without_keys_is_refused_and_none_are_made_there(tmp_path: Path) -> None:
    answer = rotate(TENANT, "--data-dir", str(tmp_path / "elsewhere"))
    assert answer.exit_code == 1
    assert "elsewhere" in answer.stderr
    assert not (tmp_path / "elsewhere").exists()


def test_settings_that_cannot_be_used_are_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYPROOF_LOG_PARTITIONS", "none")
    answer = rotate(TENANT, "--data-dir", str(tmp_path))
    assert (answer.exit_code, "WAYPROOF_LOG_PARTITIONS" in answer.stderr) == (1, True)


def test_without_the_master_key_nothing_is_wrapped_anew(house: House) -> None:
    house.learner("100")
    (house.folder / "keys" / "master.key").write_bytes(bytes(32))
    answer = rotate(TENANT, "--data-dir", str(house.folder))
    assert answer.exit_code == 1
    assert "master key" in answer.stderr


def test_the_help_of_either_names_the_other_and_the_back_ups() -> None:
    erasing = CliRunner().invoke(main, ["learner", "erase", "--help"]).stdout
    rotating = CliRunner().invoke(main, ["tenant", "rotate-key", "--help"]).stdout
    assert all(word in " ".join(erasing.split()) for word in ("wayproof tenant rotate-key", "back-ups", "roster"))
    assert all(word in " ".join(rotating.split()) for word in ("erasing learners", "Back-ups", "TENANT"))


def test_no_tenant_is_wrong_usage() -> None:
    assert rotate().exit_code == 2
