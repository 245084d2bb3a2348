"""A person's observation as a submission of one claim: it needs no mapping, and the key says whose judgement it is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from services.ingest.domain.claims import Claim, ClaimedAssessor, Identifier
from services.ingest.storage.moves import current_learner
from services.ingest.use_cases.group import Draft
from services.ingest.use_cases.settle import Item, Origin, Place, Settled
from services.ingest.use_cases.tags import Tags
from services.ingest.use_cases.take import Submission, TakeSubmission

NAME = "observations"
DOOR = "observation"
BY_ID = "learner"  # the scheme of our own ids


@dataclass(frozen=True, slots=True)
class Observed:
    """Who observed, for which organisation; the learner when named by id."""

    tenant: str
    organisation: str
    person: str
    role: str
    learner: UUID | None


@dataclass(frozen=True, slots=True)
class TakeObservation(TakeSubmission):
    """Work: one observation; a learner named by id needs no link."""

    learner: UUID | None = None

    def settle_item(self, draft: Draft, place: Place, item: Item) -> Settled:
        """With the learner the observer named, by whatever id that is known now."""
        learner = self.learner and current_learner(draft.group.cursor, self.learner)
        return self.settle(draft, self.submission.origin, place, item, learner)


def submission_of(observed: Observed, said: dict[str, Any], occurred_at: datetime, key: str, tags: Tags) -> Submission:
    """The message key is the observer's own: two people may use the same."""
    origin = Origin(observed.tenant, f"{observed.tenant}.{NAME}", observed.organisation, DOOR)
    plain = orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    raw = orjson.dumps({"said": said, "occurred_at": occurred_at, "observed": observed}, option=orjson.OPT_SORT_KEYS)
    message = tags.message(origin.source, DOOR, f"{observed.organisation}\0{observed.person}\0{key}")
    item = _item(observed, said, occurred_at, tags)
    return Submission(origin, raw, tags.content(plain), message, [item])


def observed_again(raw: bytes, tags: Tags) -> tuple[Observed, Item]:
    """What `submission_of` put away, read again."""
    kept = orjson.loads(raw)
    who = kept["observed"]
    observed = Observed(**{**who, "learner": who["learner"] and UUID(who["learner"])})
    return observed, _item(observed, kept["said"], datetime.fromisoformat(kept["occurred_at"]), tags)


def _item(observed: Observed, said: dict[str, Any], occurred_at: datetime, tags: Tags) -> Item:
    claim = _claim(observed, said, occurred_at)
    return Item(claim, learner=tags.identifier(claim.learner))


def _claim(observed: Observed, said: dict[str, Any], occurred_at: datetime) -> Claim:
    learner, competency, rating = said["learner"], said["competency"], said["rating"]
    identifier = Identifier(learner["scheme"] or BY_ID, learner["value"] or str(observed.learner))
    return Claim(
        learner=identifier,
        record_key=None,
        competency=competency["code"],
        framework=competency["framework"],
        scale=rating["scale"],
        level=rating["level"],
        score=rating["score"],
        observed=rating["observed"],
        occurred_at=occurred_at,
        pathway=said["pathway"],
        assessor=ClaimedAssessor(observed.person, observed.role, observed.organisation),
        kind=said["kind"],
        activity=said["activity"],
        artifact=said["artifact"],
        attempt=said["attempt"],
        comment=said["comment"],
        pointers=POINTERS,
    )


POINTERS = {
    "competency": "/competency/code",
    "framework": "/competency/framework",
    "scale": "/rating/scale",
    "level": "/rating/level",
    "score": "/rating/score",
    "occurred_at": "/occurred_at",
    "pathway": "/pathway",
}
