"""One roster on its way, and what it ends: enrolments that are not in a complete one any more."""

from dataclasses import dataclass

from services.ingest.domain.removals import Comparison
from services.ingest.formats.oneroster_people import ENROLLMENTS, FILES, USERS, RosterPackage
from services.ingest.storage import packages
from services.ingest.storage.packages import Said
from services.ingest.use_cases.roster_rows import RosterWork
from services.runtime.store.database import Cursor


@dataclass(frozen=True, slots=True)
class Ending:
    """Enrolments that are not in a complete roster any more, and rows of the book that go with them."""

    missing: list[Said]
    deleted: list[Said]
    book_only: list[tuple[str, Said]]


@dataclass(frozen=True, slots=True)
class RosterRun:
    """One roster on its way."""

    package: RosterPackage
    work: RosterWork
    receipt: int

    def ending(self, cursor: Cursor) -> Ending:
        """What is left of it; nothing that was done already. Of a roster whose sender is not known: nothing."""
        found, complete = Ending([], [], []), self.package.complete
        tag, source = self.work.tag, self.work.origin.source
        there = {file: {tag(file, id_) for id_ in self.package.present[file]} for file in FILES}
        withdrawn = {tag(USERS, unit.sourced_id) for unit in self.package.units if unit.entry.withdrawn}
        for said in packages.in_force(cursor, source, ENROLLMENTS, self.receipt):
            gone = ENROLLMENTS in complete or (USERS in complete and said.parent not in there[USERS])
            if said.tag in there[ENROLLMENTS] or not (gone or said.parent in withdrawn):
                continue
            if said.record is None:
                found.book_only.append((ENROLLMENTS, said))
            else:
                (found.deleted if said.parent in withdrawn else found.missing).append(said)
        if USERS in complete:
            users = packages.in_force(cursor, source, USERS, self.receipt)
            found.book_only.extend((USERS, said) for said in users if said.tag not in there[USERS])
        return found if self.work.told.compared else Ending([], found.deleted, [])

    def compare(self, cursor: Cursor) -> Comparison:
        """With the rosters before."""
        before = packages.in_force(cursor, self.work.origin.source, ENROLLMENTS, self.receipt)
        counted = sum(1 for said in before if said.record is not None)
        return Comparison(len(self.ending(cursor).missing), counted, self.package.nameless)
