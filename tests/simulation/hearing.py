"""What the oracle hears: each piece of work when, and only when, its transaction was written."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from services.ingest.use_cases.link import LinkIdentifier
from services.ingest.use_cases.merge import CorrectLink, MergeLearners, UnmergeLearner
from services.ingest.use_cases.roster import ImportRoster
from tests.simulation.identity import Identity
from tests.simulation.oracle import Oracle
from tests.simulation.packages import Package
from tests.simulation.said import Letter
from tests.simulation.statements import Statement


def hear_sent(oracle: Oracle, what: Any, now: datetime) -> None:
    """What somebody sent."""
    match what:
        case Letter():
            oracle.letter(what, now)
        case Package():
            oracle.package(what, now)
        case (str() as source, int() as first, list() as lines):
            oracle.lines(source, first, lines, now)
        case (str() as source, tuple() as batch) if all(isinstance(each, Statement) for each in batch):
            oracle.batch(source, batch, now)


def hear_done(identity: Identity, work: Any, result: Any, known: Callable[[str, UUID], object]) -> None:
    """What a registrar did; `known` is told who was registered as whom."""
    match work:
        case ImportRoster(people=[person]):
            name, learner = person.identifiers[0].value, result.learners[0]
            identity.linked(name, learner)
            known(name, learner)
        case LinkIdentifier(learner=learner, identifier=identifier):
            identity.linked(identifier.value, learner)
        case MergeLearners(learner=learner, into=into):
            identity.merge(learner, into)
        case UnmergeLearner(learner=learner):
            identity.unmerge(learner)
        case CorrectLink(learner=learner, identifier=identifier):
            identity.correct(identifier.value, learner)
