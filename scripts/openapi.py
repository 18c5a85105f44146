"""The API as one OpenAPI document, out of the functions' routes and models and the template: `make openapi`."""

import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from runpy import run_path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "layers/core")]

from aws_lambda_powertools.event_handler.openapi.merge import OpenAPIMerge  # noqa: E402
from aws_lambda_powertools.event_handler.openapi.models import HTTPBase, Server, Tag  # noqa: E402

import quadrille  # noqa: E402
from local.stack.functions import declared  # noqa: E402
from quadrille.ask.protocol import FailureResponse, OpenAIApi  # noqa: E402
from quadrille.http import Api  # noqa: E402
from quadrille.problems import Problem  # noqa: E402
from quadrille.react.webhooks import SignedApi  # noqa: E402

DOCUMENT = ROOT / "layers/core/quadrille/system/openapi.json"
REFERENCE = "#/components/schemas/"
ABOUT = Path(__file__).with_suffix(".md")
ROOMS = {
    "ask": "Answers with citations",
    "ingest": "Documents and collections",
    "act": "Tasks of agents, and their tools",
    "react": "Events, rules, mails and tickets",
    "system": "Money, and the API itself",
}
FOREIGN = ("HTTPValidationError", "ValidationError", "ResponseValidationError")  # Powertools' own shapes of errors
NAMES = {"document_id", "conversation_id", "model"}  # of a body: what they name may not be there
WHY = {
    400: "A parameter is malformed or not supported.",
    401: "There is no API key or signature, or it is not valid.",
    402: "A budget does not cover it; the amounts say which and by how much.",
    403: "The key lacks a scope.",
    404: "There is nothing of that name.",
    409: "It does not go together with what is there: that has ended, is answered, or was decided otherwise.",
    413: "The body, or the file announced, is over the limit the message names.",
    422: "A field is malformed; `errors` names it.",
    429: "The gateway's rate limit is reached, or too many tasks run; `Retry-After` says when to try again.",
    500: "A mistake on our side.",
    502: "A provider refused the call, or never answered it.",
    503: "Busy, or a provider is down; `Retry-After` says when to try again.",
    504: "It took too long. What was paid for is kept: ask again.",
}


def document() -> str:
    """The document as JSON."""
    merged = OpenAPIMerge(
        title="Quadrille",
        version=quadrille.__version__,
        description=ABOUT.read_text(),
        servers=[Server(url=".")],
        tags=[Tag(name=name, description=about) for name, about in ROOMS.items()],
        security_schemes={"key": HTTPBase(scheme="bearer", description="An API key.")},
        security=[{"key": []}],
        on_conflict="error",
    )
    for part in _told_apart([*_parts()]):
        merged.add_schema(part)
    merged.add_schema({"components": {"schemas": _errors()}})
    return json.dumps(json.loads(merged.get_openapi_json_schema()), indent=1, ensure_ascii=False) + "\n"


def _parts() -> Iterator[tuple[str, dict[str, Any]]]:
    """The room and the part of each function that has routes."""
    for function in declared().values():
        routes = [event["Properties"] for event in function.get("Events", {}).values() if event["Type"] == "Api"]
        if routes:
            described = _described(function, open_to_all=any("Auth" in route for route in routes))
            yield function["CodeUri"].split("/")[1], described


def _told_apart(parts: list[tuple[str, dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """The parts, with the room before the name of what is not the same in all of them. Raises `ValueError`."""
    forms: dict[str, set[str]] = {}
    for _, part in parts:
        for name, schema in part["components"]["schemas"].items():
            forms.setdefault(name, set()).add(json.dumps(schema, sort_keys=True))
    known: dict[str, Any] = {}
    for room, part in parts:
        text = json.dumps(part)
        for name in part["components"]["schemas"]:
            if len(forms[name]) > 1:
                text = text.replace(f'"{REFERENCE}{name}"', f'"{REFERENCE}{room.capitalize()}{name}"')
        whole = json.loads(text)
        schemas = {
            f"{room.capitalize()}{name}" if len(forms[name]) > 1 else name: schema
            for name, schema in whole["components"]["schemas"].items()
        }
        different = [name for name, schema in schemas.items() if known.setdefault(name, schema) != schema]
        if different:
            raise ValueError(f"Two models of one room have the name {different[0]}: rename one.")
        yield {**whole, "components": {**whole["components"], "schemas": schemas}}


def _described(function: dict[str, Any], *, open_to_all: bool) -> dict[str, Any]:
    """The part of one function: what Powertools finds, with its room, its words and every error."""
    folder = function["CodeUri"]
    api = _api(folder)
    part: dict[str, Any] = api.get_openapi_schema().model_dump(mode="json", by_alias=True, exclude_none=True)
    schemas = part["components"]["schemas"]
    for name in FOREIGN:
        schemas.pop(name, None)
    for path, method, words in _routes(api):
        operation = part["paths"][path][method]
        operation["tags"] = [folder.split("/")[1]]
        operation["operationId"] = f"{folder.split('/')[2]}_{words.__name__}"
        operation["summary"] = inspect.getdoc(words)
        statuses = _statuses(path, operation, schemas, open_to_all=open_to_all, paid="ModelsLayer" in str(function))
        statuses |= {409} if (folder.split("/")[1] == "act" and method == "post") or "{draft_id}" in path else set()
        statuses |= {401} if isinstance(api, SignedApi) else set()
        if isinstance(api, OpenAIApi):
            statuses = {400 if status == 422 else status for status in statuses}
        operation["responses"].pop("422")
        operation["responses"].get("204", {}).pop("content", None)
        operation["responses"] |= {str(status): _error(status, api) for status in sorted(statuses)}
        if open_to_all:
            operation["security"] = []
    return part


def _api(folder: str) -> Api:
    """The routes of a function."""
    api: Api = run_path(str(ROOT / folder / "app.py"))["api"]
    return api


def _routes(api: Api) -> Iterator[tuple[str, str, Any]]:
    """Path, method and function of each route."""
    for route in [*api._static_routes, *api._dynamic_routes]:
        yield route.openapi_path, route.method.lower(), route.func


def _statuses(
    path: str, operation: dict[str, Any], schemas: dict[str, Any], *, open_to_all: bool, paid: bool
) -> set[int]:
    """Every error an operation can end with, by what it takes and does."""
    body = _body(operation, schemas)
    statuses = {429, 500, 503, 504}
    statuses |= set() if open_to_all else {401, 403}
    statuses |= {402, 502} if paid else set()
    statuses |= {413} if body else set()
    statuses |= {422} if body or "parameters" in operation else set()
    statuses |= {404} if "{" in path or NAMES & body.keys() else set()
    return statuses


def _body(operation: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """The properties of an operation's body."""
    if "requestBody" not in operation:
        return {}
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    reference = next(each["$ref"] for each in [schema, *schema.get("anyOf", [])] if "$ref" in each)
    properties: dict[str, Any] = schemas[reference.removeprefix(REFERENCE)]["properties"]
    return properties


def _error(status: int, api: Api) -> dict[str, Any]:
    """A problem; in front of OpenAI's routes the gateway speaks of problems, they themselves as OpenAI does."""
    content = {"application/problem+json": {"schema": {"$ref": f"{REFERENCE}Problem"}}}
    if isinstance(api, OpenAIApi):
        content["application/json"] = {"schema": {"$ref": f"{REFERENCE}FailureResponse"}}
    return {"description": WHY[status], "content": content}


def _errors() -> dict[str, Any]:
    """The schemas of errors. What a problem leaves out has no default."""
    schemas: dict[str, Any] = {}
    for model in (Problem, FailureResponse):
        schema = model.model_json_schema(ref_template=f"{REFERENCE}{{model}}")
        schemas |= schema.pop("$defs", {}) | {model.__name__: schema}
    for field in schemas["Problem"]["properties"].values():
        field.pop("default", None)
    return schemas


if __name__ == "__main__":
    DOCUMENT.write_text(document())
