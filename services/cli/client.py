"""How the command line talks to the services: over HTTP like anyone else, and what it says when they refuse."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import IO, Any

import click
import httpx

TIMEOUT_S = 60.0
FAULTS_MAX = 10
MEMBER = re.compile("`([a-z_]+)`")  # of the problem, as its title names it
COME_BACK = {502, 503, 504}
DEFAULT_URLS = {
    "ingest": "http://127.0.0.1:8801",
    "mastery": "http://127.0.0.1:8802",
    "credentials": "http://127.0.0.1:8803",
}


class Refused(click.ClickException):
    """Somebody said no; `--json` prints the problem document too."""

    def __init__(self, problem: Mapping[str, Any], as_json: bool = False, note: str = "") -> None:
        super().__init__("\n".join([*_lines(problem), *([note] if note else [])]))
        self.problem, self.as_json = problem, as_json

    def show(self, file: IO[Any] | None = None) -> None:
        if self.as_json:
            click.echo(json.dumps(self.problem))
        super().show(file)


class Unavailable(click.ClickException):
    """Nobody answered, or it said to come back: the same may be asked again."""


class RefusedForNow(Refused, Unavailable):
    """A service that is too busy, or not ready yet."""


class Client:
    """One service's API with one key."""

    def __init__(self, service: str, url: str, key: str | None, as_json: bool) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._service, self._as_json = service, as_json
        self._http = httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_S, trust_env=False)

    def get(self, path: str, **query: object) -> Any:
        return self.call("GET", path, params=_present(query))

    def post(self, path: str, document: object, **query: object) -> Any:
        return self.call("POST", path, json=document, params=_present(query))

    def put(self, path: str, document: object) -> Any:
        return self.call("PUT", path, json=document)

    def lines(self, path: str, body: bytes, **query: object) -> list[Any]:
        """Send NDJSON and read the NDJSON answered."""
        headers = {"Content-Type": "application/x-ndjson"}
        answer = self._ask("POST", path, content=body, headers=headers, params=_present(query))
        return [json.loads(line) for line in answer.content.splitlines() if line]

    def begin(self, path: str, content: bytes, headers: Mapping[str, str]) -> tuple[Any, bool]:
        """Hand over what is worked on after the answer; the answer, and whether it is that of an earlier time."""
        answer = self._ask("POST", path, content=content, headers=headers)
        return answer.json(), answer.headers.get("Idempotent-Replay") == "true"

    def call(self, method: str, path: str, **request: Any) -> Any:
        """The answer's JSON; a refusal or a service that cannot be reached ends the command with 1."""
        answer = self._ask(method, path, **request)
        return answer.json() if answer.content else None

    def _ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **request)
        except httpx.TransportError as fault:
            raise Unavailable(
                f"{self._service} at {self._http.base_url} cannot be reached ({type(fault).__name__}); is it up?"
            ) from None
        if answer.is_error:
            refused = RefusedForNow if answer.status_code in COME_BACK else Refused
            raise refused(_problem(answer), self._as_json)
        return answer


Command = Callable[..., Any]


def talks_to(service: str) -> Callable[[Command], Command]:
    """A command's options to reach a service; the command is given `client` first, then `as_json`."""

    def decorate(command: Command) -> Command:
        @wraps(command)
        def run(url: str, key: str | None, as_json: bool, **arguments: Any) -> Any:
            return command(Client(service, url, key, as_json), as_json=as_json, **arguments)

        variable = f"WAYPROOF_{service.upper()}_URL"
        options = (
            click.option(
                "--url",
                envvar=variable,
                default=DEFAULT_URLS[service],
                show_default=True,
                show_envvar=True,
                help=f"Where the {service} service is.",
            ),
            click.option(
                "--key",
                envvar="WAYPROOF_KEY",
                show_envvar=True,
                help="Access key wp_<id>.<secret>; see `wayproof key`.",
            ),
            click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs."),
        )
        for option in reversed(options):
            run = option(run)
        return run

    return decorate


def show(document: Any, as_json: bool, *, columns: Sequence[str] = ()) -> None:
    """Print an answer: JSON for programs; a table where `columns` are named; otherwise its fields, line by line."""
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False))
    elif columns:
        _table(_items(document), columns)
    else:
        _fields(document)


def _items(document: Any) -> list[Mapping[str, Any]]:
    """A collection is a list, or an object with one list in it."""
    if isinstance(document, list):
        return document
    return next((value for value in document.values() if isinstance(value, list)), [])


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    cells = [list(columns)] + [[_brief(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(row[index]) for row in cells) for index in range(len(columns))]
    for row in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _fields(document: Any, indent: str = "") -> None:
    if not isinstance(document, dict):
        click.echo(f"{indent}{_brief(document)}")
        return
    for name, value in document.items():
        if isinstance(value, dict | list) and value:
            click.echo(f"{indent}{name}:")
            for item in [value] if isinstance(value, dict) else value:
                _fields(item, indent + "  ")
        else:
            click.echo(f"{indent}{name}: {_brief(value)}")


def _brief(value: Any) -> str:
    return "-" if value is None or value == [] else value if isinstance(value, str) else json.dumps(value)


def _present(query: Mapping[str, object]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}


def _problem(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    return problem if isinstance(problem, dict) else {"title": answer.reason_phrase, "status": answer.status_code}


def _lines(problem: Mapping[str, Any]) -> list[str]:
    where = f" (at {problem['pointer']})" if problem.get("pointer") else ""
    detail = f" {problem['detail']}" if problem.get("detail") else ""
    faults = problem.get("errors") or []
    found = [f"  {fault.get('pointer') or fault.get('name', '')}: {fault.get('detail', '')}" for fault in faults]
    more = [f"  and {len(found) - FAULTS_MAX} more"] if len(found) > FAULTS_MAX else []
    title = MEMBER.sub(lambda named: str(problem.get(named[1], named[0])), problem.get("title", "refused"))
    return [f"{title}{detail}{where}", *found[:FAULTS_MAX], *more]
