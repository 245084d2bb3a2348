"""History: every event of the learner in order, with where the nodes it touched stood after it."""

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from functools import lru_cache
from typing import Any, get_args

from services.mastery.domain.applying import in_force
from services.mastery.domain.evaluation import Reckoning
from services.mastery.domain.facts import EvidenceRecorded, EvidenceWithdrawn
from services.mastery.domain.learner_record import Event, LearnerRecord, evolve
from services.mastery.domain.rounding import shown
from services.mastery.domain.rules import CompiledPolicy
from services.mastery.domain.thresholds import Crossing
from services.mastery.storage.learners import Entry
from services.mastery.use_cases.answer import Asked, Asking, Question
from services.mastery.use_cases.answers import History, HistoryEntry, NodeAfter
from services.runtime.clock import format_instant

LIMIT_MAX = 1000
KINDS: dict[str, Any] = {kind.TOPIC: kind for kind in get_args(Event)}
NOT_SAID = frozenset({"id", "recorded_at"})  # the entry says them


class AnswerHistory:
    """Answers `GET /v1/learners/{id}/history`."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def __call__(self, question: Question, after: int = 0, limit: int = LIMIT_MAX) -> History:
        asked = self._asking.ask(question, whole=True)
        entries = asked.entries()
        page = [entry for entry in entries if entry.version > after][:limit]
        more = bool(page) and page[-1].version < entries[-1].version
        events = list(_walk(asked, entries, after, page[-1].version if page else 0))
        return History(**asked.header(), events=events, next_after=page[-1].version if more else None)


def _walk(asked: Asked, entries: Iterable[Entry], after: int, last: int) -> Iterable[HistoryEntry]:
    """Fold from the beginning; show the page."""
    record = LearnerRecord(asked.question.learner)
    for entry in entries:
        if entry.version > last:
            return
        event = entry.event
        touched = _touched(record, event)
        record = evolve(record, event)
        if entry.version > after:
            yield _shown(entry, list(_after(asked, record, touched)))


def _touched(record: LearnerRecord, event: Event) -> list[str]:
    """The competencies an event can move."""
    if isinstance(event, EvidenceRecorded | EvidenceWithdrawn):
        return record.shelving.touched_competencies(event)
    return []


def _after(asked: Asked, record: LearnerRecord, touched: list[str]) -> Iterable[NodeAfter]:
    if not touched:
        return
    known = record.shelving.known()
    as_of = asked.question.as_of or known.as_of
    for policy in _policies(asked, record, as_of):
        reckoning = Reckoning(known, policy, as_of)
        codes = [policy.codes[competency] for competency in touched if competency in policy.codes]
        yield from (_competency(reckoning, code) for code in codes)
        above = dict.fromkeys(name for code in codes for name in policy.above[code])
        yield from (_node(reckoning, name, reckoning.requirement(name)) for name in above)


def _policies(asked: Asked, record: LearnerRecord, as_of: datetime) -> list[CompiledPolicy]:
    question = asked.question
    if question.version is not None:
        return asked.policies
    judging = in_force(record.shelving.known(), asked.rules, as_of).values()
    return [policy for policy in judging if question.policy in (None, policy.id)]


def _competency(reckoning: Reckoning, code: str) -> NodeAfter:
    determination = reckoning.determination(code)
    value = determination.value
    rounded = None if value is None else shown(reckoning.policy.plans[code].rounding(value))
    return _node(reckoning, code, determination.result, rounded, determination.level)


def _node(
    reckoning: Reckoning, node: str, result: str, value: str | None = None, level: str | None = None
) -> NodeAfter:
    policy = reckoning.policy
    return NodeAfter(policy=policy.id, version=policy.version, node=node, result=result, value=value, level=level)


def _shown(entry: Entry, after: list[NodeAfter]) -> HistoryEntry:
    event = entry.event
    return HistoryEntry(
        version=entry.version,
        seq=entry.seq,
        recorded_at=entry.recorded_at,
        what=event.TOPIC,
        id=event.id,
        said=_said(event),
        after=after,
    )


def _said(event: Event) -> dict[str, Any]:
    left_out = {"documents", "achieved"} if isinstance(event, Crossing) else set()
    said = {name: getattr(event, name) for name in _names(event.TOPIC) if name not in left_out}
    return {name: _plain(value) for name, value in said.items() if value is not None and value != ()}


def _plain(value: object) -> object:
    return format_instant(value) if isinstance(value, datetime) else value


@lru_cache(maxsize=32)
def _names(topic: str) -> tuple[str, ...]:
    kind = KINDS[topic]
    return tuple(field.name for field in fields(kind) if field.name not in NOT_SAID)
