"""Our term tables against the official contexts, read by two JSON-LD processors nobody here wrote."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pyld import jsonld

from services.credentials.formats.open_badge import open_badge
from services.credentials.formats.terms import CONTEXTS, Context
from services.credentials.signing.canonical import canonical_nquads
from services.credentials.signing.errors import NotSignable
from services.credentials.signing.quads import to_quads
from tests.credentials import samples
from tests.credentials.node import ask, official_contexts

pytestmark = pytest.mark.node
Json = dict[str, Any]


def proof_options(document: Json) -> Json:
    proof = {name: value for name, value in document["proof"][0].items() if name != "proofValue"}
    return {"@context": document["@context"], **proof}


def unsigned(document: Json) -> Json:
    return {name: value for name, value in document.items() if name != "proof"}


def everything_emitted() -> list[Json]:
    credential, revocations = samples.credential(valid_until=samples.NOON.replace(year=2030)), samples.revocations(7)
    return [f(document) for document in (credential, revocations) for f in (unsigned, proof_options)]


def pyld_nquads(document: Json) -> str:
    contexts = official_contexts()
    options = {
        "algorithm": "URDNA2015",
        "format": "application/n-quads",
        "documentLoader": lambda url, _: {"contextUrl": None, "documentUrl": url, "document": contexts[url]},
    }
    said: str = jsonld.normalize(document, options)
    return said


@pytest.mark.parametrize("document", everything_emitted(), ids=["badge", "its proof", "list", "list's proof"])
def test_quads_under_our_tables_equal_those_under_the_official_contexts(document: Json) -> None:
    ours = canonical_nquads(to_quads(document))
    assert ours == pyld_nquads(document)
    assert ours == ask({"canonize": document})[0]["nquads"]


def without_one_term() -> Iterator[tuple[str, dict[str, Context]]]:
    """The tables with one term or type deleted at a time."""
    for url, context in CONTEXTS.items():
        for name in context.terms:
            terms = {term: meaning for term, meaning in context.terms.items() if term != name}
            yield name, {**CONTEXTS, url: replace(context, terms=terms)}
        for kind, meaning in context.kinds.items():
            kinds = {other: said for other, said in context.kinds.items() if other != kind}
            yield f"type {kind}", {**CONTEXTS, url: replace(context, kinds=kinds)}
            for name in meaning.terms:
                left = replace(meaning, terms={term: said for term, said in meaning.terms.items() if term != name})
                yield f"{kind}.{name}", {**CONTEXTS, url: replace(context, kinds={**context.kinds, kind: left})}


@pytest.mark.parametrize(("name", "tables"), [pytest.param(n, t, id=n) for n, t in without_one_term()])
def test_a_deleted_term_is_an_error_and_never_a_silent_omission(name: str, tables: dict[str, Context]) -> None:
    with pytest.raises(NotSignable) as refused:
        [to_quads(document, tables) for document in everything_emitted()]
    assert refused.value.code in {"term-not-defined", "type-not-defined"}


def test_a_badge_says_what_the_official_contexts_call_it() -> None:
    nquads = pyld_nquads(open_badge(samples.recognition(), samples.ISSUER))
    vocabulary = "https://purl.imsglobal.org/spec/vc/ob/vocab.html#"
    for word in ("OpenBadgeCredential", "RubricCriterionLevel", "achievedLevel", "identityHash"):
        assert f"<{vocabulary}{word}>" in nquads
