"""Calls that are right, of a public collection where it lies beside the repository and of our own: each is accepted,
and each that is spoilt is refused in words that would let a model mend it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.stack.places import ROOT
from quadrille.act.schemas import checker, closed
from quadrille.act.tooling import Tool
from quadrille.errors import Invalid

GOLD = ROOT.parent / "shared/corpora/agent/bfcl"
OURS = Path(__file__).with_name("gold_calls.json")
TYPES = {"dict": "object", "float": "number", "tuple": "array"}
MISTAKEN = {"simple_python_200/0": "fuel_efficiency: is missing"}  # the collection leaves out what its own tool needs
WRONG: dict[str, Any] = {"string": 5, "integer": "5", "number": "5", "boolean": "true", "array": {}, "object": []}


@dataclass(frozen=True)
class Call:
    """A call that is right, and the tools there are."""

    id: str
    tools: dict[str, Tool]
    name: str
    arguments: dict[str, Any]

    @property
    def tool(self) -> Tool:
        return self.tools[self.name]

    def with_arguments(self, **changes: Any) -> str:
        return json.dumps(self.arguments | changes)


def made(function: dict[str, Any]) -> Tool:
    schema = closed(normal(function["parameters"]))
    return Tool(
        function["name"], function["description"], schema, False, False, True, checker(schema), run=unused, foreign=True
    )


def unused(*_: Any) -> Any:
    raise AssertionError


def normal(node: Any) -> Any:
    """A schema in the words of JSON Schema."""
    if isinstance(node, list):
        return [normal(item) for item in node]
    if not isinstance(node, dict):
        return node
    kind = node.get("type")
    words = {name: normal(value) for name, value in node.items() if name not in ("type", "properties", "optional")}
    if isinstance(kind, str) and kind != "any":
        words["type"] = TYPES.get(kind, kind)
    if "properties" in node:
        words["properties"] = {name: normal(value) for name, value in node["properties"].items()}
    return words


def first(value: Any) -> Any:
    """Of what is acceptable inside a value, the first of each; an empty text means that it is left out."""
    if isinstance(value, dict):
        return {name: first(among[0]) for name, among in value.items() if among[0] != ""}
    return [first(item) for item in value] if isinstance(value, list) else value


def lines(path: Path) -> Iterator[Any]:
    return map(json.loads, path.read_text().splitlines())


def gold() -> Iterator[Call]:
    for path in sorted((GOLD / "possible_answer").glob("*.json")):
        for asked, right in zip(lines(GOLD / path.name), lines(path), strict=True):
            assert asked["id"] == right["id"]
            tools = {function["name"]: made(function) for function in asked["function"]}
            for number, call in enumerate(right["ground_truth"]):
                [(name, arguments)] = call.items()
                yield Call(f"{asked['id']}/{number}", tools, name, first(arguments))


def ours() -> Iterator[Call]:
    for item in json.loads(OURS.read_text()):
        tools = {function["name"]: made(function) for function in item["functions"]}
        yield from (Call(call["name"], tools, call["name"], call["arguments"]) for call in item["calls"])


@pytest.fixture(scope="module", params=[gold, ours], ids=["public", "ours"])
def calls(request: pytest.FixtureRequest) -> list[Call]:
    if request.param is gold and not GOLD.is_dir():
        pytest.skip("there is no folder agent/bfcl of corpora")
    return [*request.param()]


def said(tool: Tool, raw: str) -> str:
    """What is said against a call; empty if nothing is."""
    try:
        tool.check(tool.parse(raw))
    except Invalid as error:
        return str(error)
    return ""


def test_every_right_call_is_accepted(calls: list[Call]):
    assert len(calls) >= 5
    refused = {call.id: told for call in calls if (told := said(call.tool, call.with_arguments()))}
    assert refused.items() <= MISTAKEN.items()


def test_a_call_without_an_argument_it_needs_is_told_which(calls: list[Call]):
    for call in calls:
        for name in call.tool.schema.get("required", []):
            rest = {other: value for other, value in call.arguments.items() if other != name}
            assert f"{name}: is missing" in said(call.tool, json.dumps(rest)), call.id


def test_an_argument_of_a_wrong_type_is_told_the_right_one(calls: list[Call]):
    tried = 0
    for call in calls:
        for name in call.arguments:
            kind = call.tool.schema["properties"][name].get("type")
            if kind:
                told = said(call.tool, call.with_arguments(**{name: WRONG[kind]}))
                assert f'{name}: must be of the type "{kind}"' in told, call.id
                tried += 1
    assert tried > len(calls)


def test_a_value_that_is_not_among_those_there_are_is_told_them(calls: list[Call]):
    tried = 0
    for call in calls:
        for name, argument in call.tool.schema["properties"].items():
            if argument.get("type") == "string" and "enum" in argument:
                told = said(call.tool, call.with_arguments(**{name: "none of them"}))
                assert f"{name}: must be one of {json.dumps(argument['enum'], ensure_ascii=False)[:200]}" in told
                tried += 1
    assert tried


def test_an_argument_there_is_not_is_told_those_there_are(calls: list[Call]):
    for call in calls:
        told = said(call.tool, call.with_arguments(tenant_id="acme"))
        assert (
            f"tenant_id: is no argument of this tool; allowed: {', '.join(call.tool.schema['properties'])}"[:80] in told
        )


def test_what_is_no_object_is_told_to_be_one(calls: list[Call]):
    for call in calls:
        torn = call.with_arguments()[:-1]
        assert "give one JSON object" in said(call.tool, torn)
        assert "must be one JSON object and not a list" in said(call.tool, f"[{call.with_arguments()}]")


@pytest.mark.parametrize(
    ("schema", "arguments", "words"),
    [
        ({"properties": {"a": {"properties": {"b": {}}, "required": ["b"]}}}, {"a": {}}, "a.b: is missing"),
        ({"properties": {"a": {"items": {"type": "string"}}}}, {"a": ["x", 5]}, 'a.1: must be of the type "string"'),
        ({"properties": {"a": {"maximum": 9}}}, {"a": 10}, "a: does not fit 'maximum': 9"),
        ({"properties": {"a": {"const": 1}}}, {"a": 2}, "a: must be 1"),
        ({"properties": {"a": {"pattern": "^x$"}}}, {"a": "y" * 9_000}, "a: does not fit 'pattern': \"^x$\""),
        ({"properties": {"a": {"type": ["string", "null"]}}}, {"a": 1}, 'a: must be of the type ["string", "null"]'),
        ({"additionalProperties": False}, {"a": 1}, "a: is no argument of this tool; allowed: none, so give {}"),
        ({"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, {}, "arguments: does not fit 'anyOf'"),
        ({"properties": {"a": {"$ref": "http://127.0.0.1:1/schema"}}}, {"a": 1}, "arguments: cannot be checked"),
        ({"properties": {"a": {"$ref": "#/properties/a"}}}, {"a": 1}, "arguments: cannot be checked"),
        ({"properties": {"a": {"$ref": "#/$defs/none"}}}, {"a": 1}, "arguments: cannot be checked"),
    ],
)
def test_a_refusal_says_where_and_what(schema: dict[str, Any], arguments: dict[str, Any], words: str):
    with pytest.raises(Invalid) as caught:
        checker(closed(schema))(arguments)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 600
