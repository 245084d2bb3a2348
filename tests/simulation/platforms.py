"""Machines that tell ingest something in formats of their own: platforms their statements, gradebooks their files."""

from __future__ import annotations

import dataclasses
from typing import Any

from services.ingest.formats.xapi_values import StatementRefused
from services.ingest.use_cases.read import origin_of
from services.ingest.use_cases.take_file import DOOR, TakeFile
from services.ingest.use_cases.upload import Kept
from services.ingest.use_cases.xapi_read import ReadStatements, xapi_origin
from services.ingest.use_cases.xapi_take import TakeStatements
from services.runtime.strict_json import parse_json_elements
from tests.simulation import school
from tests.simulation.packages import Package
from tests.simulation.promises import must
from tests.simulation.school import TENANT
from tests.simulation.senders import Senders
from tests.simulation.statements import Statement, batch_of

BATCH_MAX = 3
STATEMENT_BYTES_MAX = 64 * 1024


class Platforms(Senders):
    """What may be sent next."""

    def send_statements(self) -> None:
        source = self.random.choice(sorted(school.LENIENT))
        story = self.statements[source]
        if story:
            chosen = self.random.sample(story, min(len(story), self.random.randint(1, BATCH_MAX)))
            other = self.random.random() < 0.15
            batch = tuple(self.clerk.another(source, each) if other else each for each in chosen)
            self.do(f"send {source} {[each.name for each in batch]}", lambda: self._send_statements(source, batch))

    def _send_statements(self, source: str, batch: tuple[Statement, ...]) -> None:
        """As the door does it; the strict refuse a batch with a flaw, and nothing of it is taken."""
        parts, raw = self.ingest.parts, batch_of(batch)
        registered, tags = parts.sources.get(f"{TENANT}.{source}"), parts.tags.of(TENANT)
        origin = xapi_origin(registered)
        read = ReadStatements(registered, origin, tags, parts.clock.now(), 1, STATEMENT_BYTES_MAX)
        flawed = any(each.flawed for each in batch) and not school.LENIENT[source]
        try:
            sent = read(parse_json_elements(raw), listed=True)
        except StatementRefused as refused:
            must(flawed, "a statement is refused for its flaw", source, refused.detail)
            return
        must(not flawed, "the strict refuse what has a flaw", source)
        self.submit((source, batch), TakeStatements(origin, sent, raw, tags, parts.settle))

    def send_package(self) -> None:
        if self.packages:
            package = self.random.choice(self.packages)
            if self.random.random() < 0.1:  # the same key with other content
                package = dataclasses.replace(package, says=self.random.choice(self.packages).says)
            self.do(f"send {package.id}", lambda: self.submit(package, self._package_work(package)))

    def _package_work(self, package: Package) -> Any:
        parts, raw = self.ingest.parts, package.raw()
        source, tags = parts.sources.get(f"{TENANT}.files"), parts.tags.of(TENANT)
        origin, mapping = origin_of(source, DOOR), source.reader().document.version
        message = tags.message(origin.source, DOOR, package.id)
        return TakeFile(origin, mapping, None, Kept(raw, raw), tags.content(raw), message)
