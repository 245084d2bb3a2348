"""However a request fails, the answer is a problem document with a pointer and without the value."""

from typing import Literal
from uuid import UUID

import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient
from pydantic import BaseModel, field_validator

from services.runtime.app import create_app
from services.runtime.problems import Refusal, faults_of, pointer_to, problems

SECRET = "Maria-Secret"


class ShelfFull(Refusal):
    """The shelf holds no more books.

    A second paragraph is for the page of the problem, not for its title.
    """

    status = 409


class LateFee(Refusal):
    """A late fee is to be paid first."""

    status = 409


class Book(BaseModel):
    title: str
    copies: int
    owner: UUID | None = None
    kind: Literal["paper", "sound"] = "paper"

    @field_validator("title")
    @classmethod
    def _known(cls, title: str) -> str:
        if title == SECRET:
            raise ValueError("not a title we keep")
        return title


@pytest.fixture
def client():
    router = APIRouter()

    @router.post("/books", responses=problems(ShelfFull, LateFee))
    def add_book(book: Book) -> Book:
        if book.copies > 99:
            raise ShelfFull("ask for another", pointer="/copies", copies_max=99)
        return book

    @router.get("/books/{book}")
    def get_book(book: UUID, page: int = 1) -> int:
        raise RuntimeError(f"{SECRET} {book} {page}")

    app = create_app("library", [router], ready=dict, access=None)
    return TestClient(app, raise_server_exceptions=False)


def test_a_refusal_answers_with_its_rule(client):
    answer = client.post("/books", json={"title": "Emma", "copies": 100})
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "/problems/shelf-full",
        "title": "The shelf holds no more books.",
        "status": 409,
        "detail": "ask for another",
        "pointer": "/copies",
        "copies_max": 99,
    }


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"title": "Emma", "copies": SECRET}, "/copies"),
        ({"title": "Emma"}, "/copies"),
        ({"title": SECRET, "copies": 1}, "/title"),
        ({"title": "Emma", "copies": 1, "owner": SECRET}, "/owner"),
        ({"title": "Emma", "copies": 1, "kind": SECRET}, "/kind"),
        ([SECRET], ""),
        (SECRET, ""),
    ],
)
def test_a_body_of_the_wrong_shape_is_a_400_that_points_and_does_not_quote(client, body, pointer):
    answer = client.post("/books", json=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert SECRET not in answer.text


@pytest.mark.parametrize("path", [f"/books/{SECRET}", f"/books/{UUID(int=1)}?page={SECRET}"])
def test_a_wrong_parameter_is_named_and_not_quoted(client, path):
    answer = client.get(path)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["name"] in {"book", "page"}
    assert SECRET not in answer.text


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("DELETE", "/books", 405)])
def test_the_frameworks_own_errors_are_problems_too(client, method, path, status):
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_unexpected_fault_tells_the_client_and_the_log_nothing_of_the_data(client, caplog):
    answer = client.get(f"/books/{UUID(int=7)}")
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/unexpected-fault")
    ours = [record for record in caplog.records if record.name.startswith("services")]
    assert [record.fields["route"] for record in ours] == ["/books/{book}"]
    assert "RuntimeError at test_problems.py" in ours[0].fields["fault"]
    assert SECRET not in answer.text + repr([vars(record) for record in ours])


def test_the_type_of_a_problem_leads_to_its_meaning(client):
    page = client.get("/problems/shelf-full").json()
    assert page["title"] == "The shelf holds no more books."
    assert "second paragraph" in page["meaning"]
    assert client.get("/problems/no-such-problem").status_code == 404


def test_the_documentation_names_every_refusal_and_no_422(client):
    responses = client.get("/openapi.json").json()["paths"]["/books"]["post"]["responses"]
    assert set(responses) == {"200", "400", "409"}
    assert set(responses["409"]["content"]["application/problem+json"]["examples"]) == {"shelf-full", "late-fee"}


def test_a_name_becomes_a_slug():
    class HTTPBodyNotOAuth2Key(Refusal):
        """Odd."""

    assert HTTPBodyNotOAuth2Key.slug() == "http-body-not-o-auth2-key"


def test_a_pointer_is_escaped_bounded_and_printable():
    assert pointer_to(["a/b", 0, "c~d"]) == "/a~1b/0/c~0d"
    assert pointer_to(["\x00\n"]) == "/??"
    assert len(pointer_to(["x" * 100_000])) == 200


def test_a_flood_of_faults_is_cut_off():
    flood = [{"loc": ("body", index), "type": "missing", "msg": "Field required"} for index in range(1000)]
    assert len(faults_of(flood)) == 50
