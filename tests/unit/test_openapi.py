"""The OpenAPI document is current, and says of every route what it takes, gives and refuses."""

import json
from typing import Any

import pytest

from local.stack.functions import declared
from scripts.openapi import DOCUMENT, document

SPEC: dict[str, Any] = json.loads(DOCUMENT.read_text())
OPERATIONS = {
    f"{method} {path}": operation for path, methods in SPEC["paths"].items() for method, operation in methods.items()
}


def test_the_document_is_what_make_openapi_writes() -> None:
    assert DOCUMENT.read_text() == document()


def test_it_has_every_route_of_the_template_and_no_other() -> None:
    events = [event for function in declared().values() for event in function.get("Events", {}).values()]
    routes = [event["Properties"] for event in events if event["Type"] == "Api"]
    assert {f"{route['Method'].lower()} {route['Path']}" for route in routes} == set(OPERATIONS)
    open_to_all = {f"{route['Method'].lower()} {route['Path']}" for route in routes if "Auth" in route}
    assert {name for name, operation in OPERATIONS.items() if operation.get("security") == []} == open_to_all


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_has_a_room_words_and_problems(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation["tags"][0] in {tag["name"] for tag in SPEC["tags"]}
    assert operation["summary"].endswith(".")
    errors = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
    assert errors.keys() >= {"429", "500", "503", "504"}
    for answer in errors.values():
        assert answer["content"]["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_operations_have_names_of_their_own() -> None:
    assert len({operation["operationId"] for operation in OPERATIONS.values()}) == len(OPERATIONS)


def test_every_reference_leads_somewhere() -> None:
    text = DOCUMENT.read_text()
    references = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert references <= SPEC["components"]["schemas"].keys()
