"""Who puts things right: learners merged and taken apart, links corrected, mappings mended, quarantine redriven."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from services.ingest.domain.claims import Identifier
from services.ingest.storage.redrive import Chosen
from services.ingest.use_cases.merge import CorrectLink, MergeLearners, UnmergeLearner
from services.ingest.use_cases.move import finish
from services.ingest.use_cases.redrive import Redriven
from services.ingest.use_cases.registrars_word import Said as SaidBy
from tests.simulation import school
from tests.simulation.platforms import Platforms
from tests.simulation.promises import must
from tests.simulation.school import TENANT
from tests.simulation.senders import SCHEME

BY = SaidBy(TENANT, "registrar", "so the papers say")
ALL_OF_IT = 1000
LEDGER = (
    "SELECT * FROM outcome",
    "SELECT * FROM record",
    "SELECT id, reason FROM quarantine",
    "SELECT arrival FROM parked",
    "SELECT * FROM outbox_head",
    "SELECT * FROM tally",
)


class Registrars(Platforms):
    """What a registrar or a technician may do next."""

    def merge(self) -> None:
        known = self._known()
        if len(known) > 1:
            gone, stays = self.random.sample(known, 2)
            self.do(f"merge {gone} {stays}", lambda: self._move(MergeLearners(self._moving, BY, gone, stays)))

    def unmerge(self) -> None:
        if self.identity.merged:
            learner = self.random.choice(sorted(self.identity.merged))
            self.do(f"unmerge {learner}", lambda: self._move(UnmergeLearner(self._moving, BY, learner)))

    def correct(self) -> None:
        known = self._known()
        if known:
            name, right = self.random.choice(sorted(self.identity.means)), self.random.choice(known)
            wrong = self.identity.means[name]
            self._correct(name, wrong, right)
            if self.random.random() < 0.3:  # and it had been right
                self._correct(name, right, wrong)

    def _correct(self, name: str, wrong: UUID, right: UUID) -> None:
        work = CorrectLink(self._moving, BY, right, wrong, Identifier(SCHEME, name))
        self.do(f"correct {name} {right}", lambda: self._move(work))

    def _known(self) -> list[UUID]:
        return sorted(set(self.learners.values()))

    @property
    def _moving(self) -> Any:
        return self.ingest.parts.moving

    def _move(self, work: Any) -> None:
        """As the door does it: begun, and then batch by batch; who is cut off leaves the rest to the mover."""
        do = self.ingest.parts.commits.do
        begun = do(work)
        if self.random.random() < 0.5:
            finish(do, self._moving, begun)

    def spoil_mapping(self) -> None:
        source = self.random.choice(sorted(school.SOURCES))
        spoilt = self.random.choice(school.spoilt_mappings(school.SOURCES[source]))
        if self.do(f"spoil {source}", lambda: self._put_mapping(source, spoilt)):
            self.spoilt.add(source)

    def mend_mapping(self) -> None:
        if self.spoilt:
            source = self.random.choice(sorted(self.spoilt))
            if self.do(f"mend {source}", lambda: self._put_mapping(source, school.SOURCES[source])):
                self.spoilt.discard(source)

    def _put_mapping(self, source: str, mapping: dict[str, Any]) -> None:
        self.spoilt.add(source)  # until it is known to be mended
        self.versions += 1
        school.put_mapping(self.ingest.parts.sources, f"{TENANT}.{source}", mapping | {"version": self.versions})

    def redrive(self) -> None:
        source, limit = self.random.choice((None, *sorted(school.SOURCES))), self.random.randint(1, 6)
        chosen = Chosen(TENANT, None if source is None else f"{TENANT}.{source}")
        self.do(f"redrive {source} {limit}", lambda: self._redrive(chosen, limit))

    def _redrive(self, chosen: Chosen, limit: int) -> Redriven:
        """With what waits out of the way, a dry run changes nothing and says what the redrive then does."""
        parts = self.ingest.parts
        while parts.commits.step(0):
            continue
        before = self._ledger()
        dry = parts.redrive(chosen, None, limit, dry_run=True)
        must(self._ledger() == before, "a dry run changes nothing")
        done: Redriven = parts.redrive(chosen, None, limit, dry_run=False)
        must(_told(dry) == _told(done), "a dry run says what a redrive does", _told(dry), _told(done))
        self.counts["redriven items"] += len(done.driven)
        return done

    def _ledger(self) -> list[Any]:
        with self.ingest.database.read() as cursor:
            return [cursor.execute(select).fetchall() for select in LEDGER]


def _told(redriven: Redriven) -> list[Any]:
    return [each.answer(dry_run=True) for each in redriven.driven]
