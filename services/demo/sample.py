"""The sample district for `wayproof up --sample`: loaded once through the doors, its keys kept for a look around."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from services.demo import papers
from services.demo.school import DISTRICT, TENANT, open_school
from services.demo.senders import EMPLOYER, Registrar, Senders
from services.demo.sendings import internship_form
from services.demo.site import Site
from services.runtime.clock import SystemClock

KEPT = "sample.json"


def load(data: Path, urls: Mapping[str, str]) -> list[str]:
    """What to tell whoever started the services; the district is loaded when the folder has none yet."""
    kept = data / KEPT
    if not kept.exists():
        site = Site(data, SystemClock(), urls)
        try:
            _keep(kept, _load(site))
        finally:
            site.close()
    return _told(json.loads(kept.read_text()), urls)


def _load(site: Site) -> dict[str, str]:
    school, registrar = open_school(), Registrar(site)
    registrar.prepare(school)
    senders = Senders(site, school, registrar.secret)
    senders.classroom("2026-09-10")
    senders.cte("2026-09-17")
    senders.virtual("2026-09-24")
    ada = school.named("Ada")
    senders.employer("msg_sample_1", internship_form(ada, "form-77", "2026-10-02", TEAM="3", SAFE="4"))
    senders.close()
    site.settle()
    return {
        "auditor": site.key("auditor"),
        "registrar": site.key("registrar"),
        "district": site.key("district", organisation=DISTRICT),
        "webhook secret": registrar.secret,
        "learner": registrar.learners["Ada"],
    }


def _keep(kept: Path, said: dict[str, str]) -> None:
    """Readable by nobody else: these are keys, if only to a sample."""
    draft = kept.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(said, file, indent=2)
    draft.replace(kept)


def _told(said: Mapping[str, str], urls: Mapping[str, str]) -> list[str]:
    keys = [f"  {role:<14} {said[role]}" for role in ("auditor", "registrar", "district", "webhook secret")]
    ask = f"{urls['mastery']}/v1/learners/{said['learner']}/standings"
    return [
        f"the sample district {TENANT!r} is loaded; its keys:",
        *keys,
        f"  webhooks go to {urls['ingest']}/v1/webhooks/{TENANT}.{EMPLOYER}",
        f"ask where Ada stands in {papers.POLICY}:",
        f"  curl -H 'Authorization: Bearer {said['auditor']}' {ask}",
    ]
