"""Prometheus's own tool accepts the alarms and rings them; their metrics are there; the run book knows each."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from fastapi.testclient import TestClient

from contracts.build import SERVICES, settings_of
from tests.support.exposition import read
from tests.support.paths import ROOT

FOLDER = ROOT / "deploy" / "prometheus"
RULES = [rule for group in yaml.safe_load((FOLDER / "rules.yaml").read_text())["groups"] for rule in group["rules"]]
FROM_PROMETHEUS = {"up"}
WRITTEN = re.compile(r"\b(up|wayproof_[a-z_]+)(?:\{([^}]*)\})?")


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    assert shutil.which("promtool"), "promtool is wanted: Debian's package is `prometheus`"
    return subprocess.run(["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=240)


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The name and kind of every metric that any of the services has, each built on an empty folder."""
    found: dict[str, str] = {}
    for service in SERVICES:
        built = __import__(f"services.{service}.main", fromlist=["build"]).build(
            settings_of(service)(data_dir=tmp_path_factory.mktemp(service))
        )
        try:
            found |= read(TestClient(built.app).get("/metrics").text).types
        finally:
            built.close()
    return found


@pytest.mark.tools
def test_prometheus_accepts_the_rules_and_a_broken_one_is_refused(tmp_path: Path):
    good = promtool("check", "rules", "rules.yaml")
    assert good.returncode == 0, good.stderr
    broken = tmp_path / "broken.yaml"
    broken.write_text((FOLDER / "rules.yaml").read_text().replace("== 0", "== (0", 1))
    assert promtool("check", "rules", str(broken)).returncode != 0


@pytest.mark.tools
def test_each_alarm_rings_on_what_it_is_for_and_is_silent_otherwise():
    told = promtool("test", "rules", "rules.test.yaml")
    assert told.returncode == 0, told.stdout + told.stderr


def test_every_alarm_has_a_case_that_rings_it():
    cases = yaml.safe_load((FOLDER / "rules.test.yaml").read_text())["tests"]
    rung = {case["alertname"] for test in cases for case in test["alert_rule_test"] if case["exp_alerts"]}
    assert rung == {rule["alert"] for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alarm_speaks_of_metrics_the_services_have(rule, exposed):
    named = {name for name, _ in WRITTEN.findall(rule["expr"])}
    assert named
    for name in named - FROM_PROMETHEUS:
        assert name.removesuffix("_total") in {found.removesuffix("_total") for found in exposed}, name


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_the_run_book_says_what_to_do_on_each_alarm(rule):
    assert f"\n### {rule['alert']}\n" in (ROOT / "deploy" / "README.md").read_text()
