"""The image and the composition say things that are there: without an engine to run them, as far as can be checked."""

import json
import re
import shlex
from typing import Any

import click
import yaml
from compose_spec import PyCompose

from services.cli.dispatch import COMMANDS
from tests.support.paths import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text().replace("\\\n", " ")
SETTINGS = (ROOT / "deploy" / "settings.md").read_text()
OURS = {name: said for name, said in COMPOSE["services"].items() if said["image"] == "wayproof"}


def test_the_composition_fits_the_specification():
    found = PyCompose.from_json(json.dumps(COMPOSE))
    found.validate()
    assert set(found.service_names()) == set(COMPOSE["services"])


def test_every_setting_of_ours_is_one_there_is():
    for said in OURS.values():
        for variable in said["environment"]:
            assert f"`{variable}`" in SETTINGS, variable
    for variable in re.findall(r"\b(WAYPROOF_[A-Z_]+)=", DOCKERFILE):
        assert f"`{variable}`" in SETTINGS, variable


def test_every_command_is_one_there_is():
    for name, said in OURS.items():
        command, *options = said["command"]
        assert command in COMMANDS, name
        if options:
            known = [option for parameter in loaded(command).params for option in parameter.opts]
            assert [option for option in options if option.startswith("-")] == [o for o in options if o in known]


def test_a_service_waits_for_its_schema_and_its_topics():
    for name in ("ingest", "mastery", "credentials"):
        waits = OURS[name]["depends_on"]
        assert {waits[each]["condition"] for each in ("migrate", "topics")} == {"service_completed_successfully"}


def test_no_image_names_a_registry_and_no_secret_is_written_down():
    images = [said["image"] for said in COMPOSE["services"].values()] + re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)
    assert not [image for image in images if "." in image.split("/")[0] and "/" in image]
    for said in COMPOSE["services"].values():
        assert not [name for name in said.get("environment", {}) if name.endswith(("PASSWORD", "SECRET"))]


def test_the_image_copies_what_is_there_and_runs_as_nobody_special():
    for source in copied():
        assert (ROOT / source).exists(), source
    assert re.search(r"^USER (?!root)\w+", DOCKERFILE, re.M)
    assert 'ENTRYPOINT ["wayproof"]' in DOCKERFILE
    assert "--require-hashes" in DOCKERFILE


def copied() -> list[str]:
    found = []
    for line in DOCKERFILE.splitlines():
        words = shlex.split(line)
        if words and words[0] == "COPY" and not words[1].startswith("--from"):
            found += words[1:-1]
    return found


def loaded(name: str) -> click.Command:
    module, attribute = COMMANDS[name][0].split(":")
    command: click.Command = getattr(__import__(module, fromlist=[attribute]), attribute)
    return command
