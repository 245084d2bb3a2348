"""Why: the trace of a node under each policy that judges, with the evidence it speaks of."""

from collections.abc import Iterable
from typing import Any, ClassVar

from services.mastery.domain.evaluation import Reckoning
from services.mastery.domain.facts import EvidenceRecorded
from services.mastery.domain.known import EMPTY_SHELF
from services.mastery.domain.ordering import order_of
from services.mastery.domain.rules import CompiledPolicy
from services.mastery.domain.trace import Tracing
from services.mastery.use_cases.answer import Asking, Question, ref
from services.mastery.use_cases.answers import EvidenceSaid, PolicyTrace, Why
from services.runtime.problems import Refusal


class NodeUnknown(Refusal):
    """No policy that judges this learner has such a competency or requirement."""

    status: ClassVar[int] = 404


class AnswerWhy:
    """Answers `GET /v1/learners/{id}/why/{competency or requirement}`."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def __call__(self, question: Question, node: str) -> Why:
        asked = self._asking.ask(question, whole=True)
        traces = [trace for reckoning in asked.reckonings() if (trace := _trace(reckoning, node)) is not None]
        if not traces:
            raise NodeUnknown
        return Why(**asked.header(), node=node, policies=traces)


def _trace(reckoning: Reckoning, said: str) -> PolicyTrace | None:
    """`said` is a code, a CASE identifier or the name of a requirement."""
    policy = reckoning.policy
    node = policy.codes.get(said, said)
    if node not in policy.plans and node not in policy.requirements:
        return None
    return PolicyTrace(
        policy=ref(policy),
        trace=Tracing(reckoning).node(node),
        evidence=[_said(piece) for code in _codes(policy, node) for piece in _pieces(reckoning, code)],
    )


def _codes(policy: CompiledPolicy, node: str) -> Iterable[str]:
    if node in policy.plans:
        return [node]
    return dict.fromkeys(leaf.code for leaf in policy.rests_on[node])


def _pieces(reckoning: Reckoning, code: str) -> list[EvidenceRecorded]:
    """All there is of a competency, counted or not, in order."""
    shelf = reckoning.known.shelves.get(reckoning.policy.plans[code].competency, EMPTY_SHELF)
    return sorted((*shelf.current, *(piece for piece, _ in shelf.retired)), key=order_of)


def _said(piece: EvidenceRecorded) -> EvidenceSaid:
    names: tuple[str, ...] = EvidenceSaid.__slots__
    said: dict[str, Any] = {name: getattr(piece, name) for name in names}
    return EvidenceSaid(**said)
