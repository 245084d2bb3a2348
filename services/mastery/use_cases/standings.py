"""Standings: every determination and requirement of every policy that judges the learner."""

from services.mastery.domain.determining import Determination
from services.mastery.domain.evaluation import Reckoning
from services.mastery.domain.rounding import shown
from services.mastery.domain.rules import CompiledPolicy
from services.mastery.storage.documents import Documents
from services.mastery.use_cases.answer import Asked, Asking, Question, ref
from services.mastery.use_cases.answers import CompetencyStanding, PolicyStandings, RequirementStanding, Standings


class Standing:
    """A determination in words: statements come from the framework version the policy names."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._statements: dict[tuple[str, str], dict[str, str]] = {}

    def of(self, tenant: str, policy: CompiledPolicy, determination: Determination) -> CompetencyStanding:
        """One competency's standing."""
        plan = policy.plans[determination.code]
        value = determination.value
        return CompetencyStanding(
            code=determination.code,
            competency=determination.competency,
            framework=plan.framework,
            statement=self._statement(tenant, policy, determination.competency),
            result=determination.result,
            value=None if value is None else shown(plan.rounding(value)),
            level=determination.level,
            required=shown(plan.required),
            counted=list(determination.counted),
            lapsed=list(determination.lapsed),
            why=list(determination.why),
        )

    def _statement(self, tenant: str, policy: CompiledPolicy, competency: str) -> str:
        key = (tenant, policy.digest)
        if key not in self._statements:
            self._statements[key] = self._read(tenant, policy)
        return self._statements[key].get(competency, "")

    def _read(self, tenant: str, policy: CompiledPolicy) -> dict[str, str]:
        named = [document for document in policy.documents if document.kind == "framework"]
        frameworks = [self._documents.framework(tenant, document.id, document.version) for document in named]
        return {item.identifier: item.statement for f in frameworks if f is not None for item in f.content.items}


class AnswerStandings:
    """Answers `GET /v1/learners/{id}/standings`."""

    def __init__(self, asking: Asking, standing: Standing) -> None:
        self._asking, self._standing = asking, standing

    def __call__(self, question: Question) -> Standings:
        asked = self._asking.ask(question)
        policies = [self._policy(asked, reckoning) for reckoning in asked.reckonings()]
        return Standings(**asked.header(), policies=policies)

    def _policy(self, asked: Asked, reckoning: Reckoning) -> PolicyStandings:
        policy, tenant = reckoning.policy, asked.question.tenant
        return PolicyStandings(
            policy=ref(policy),
            competencies=[self._standing.of(tenant, policy, reckoning.determination(code)) for code in policy.plans],
            requirements=[
                RequirementStanding(name=name, result=reckoning.requirement(name)) for name in policy.requirements
            ],
        )
