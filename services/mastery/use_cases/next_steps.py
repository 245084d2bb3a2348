"""Next steps: which requirements are not met, and by which leaves."""

from collections.abc import Iterable

from services.mastery.domain.determining import Result
from services.mastery.domain.evaluation import Reckoning
from services.mastery.domain.requirements import result_of
from services.mastery.domain.rounding import shown
from services.mastery.domain.rules import Leaf
from services.mastery.use_cases.answer import Asked, Asking, Question, ref
from services.mastery.use_cases.answers import NextStep, NextSteps, Unmet
from services.mastery.use_cases.standings import Standing


class AnswerNextSteps:
    """Answers `GET /v1/learners/{id}/next-steps`."""

    def __init__(self, asking: Asking, standing: Standing) -> None:
        self._asking, self._standing = asking, standing

    def __call__(self, question: Question) -> NextSteps:
        asked = self._asking.ask(question)
        unmet = [unmet for reckoning in asked.reckonings() for unmet in self._unmet(asked, reckoning)]
        return NextSteps(**asked.header(), unmet=unmet)

    def _unmet(self, asked: Asked, reckoning: Reckoning) -> Iterable[Unmet]:
        policy = reckoning.policy
        for name in policy.requirements:
            result = reckoning.requirement(name)
            if result != "met":
                yield self._node(asked, reckoning, name, result, policy.rests_on[name])
        for code in policy.plans:
            result = reckoning.determination(code).result
            if not policy.above[code] and result != "met":
                yield self._node(asked, reckoning, code, result, [Leaf(code)])

    def _node(self, asked: Asked, reckoning: Reckoning, node: str, result: Result, under: Iterable[Leaf]) -> Unmet:
        short = [leaf for leaf in dict.fromkeys(under) if result_of(leaf, reckoning) != "met"]
        steps = [self._step(asked, reckoning, leaf) for leaf in short]
        return Unmet(policy=ref(reckoning.policy), node=node, result=result, leaves=steps)

    def _step(self, asked: Asked, reckoning: Reckoning, leaf: Leaf) -> NextStep:
        determination = reckoning.determination(leaf.code)
        standing = self._standing.of(asked.question.tenant, reckoning.policy, determination)
        required = standing.required if leaf.at_least is None else shown(leaf.at_least)
        return NextStep(
            code=leaf.code,
            statement=standing.statement,
            result=result_of(leaf, reckoning),
            value=standing.value,
            required=required,
            why=standing.why or [f"value {standing.value}/{required}"],
        )
