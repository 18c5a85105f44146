"""Structured output and refused requests of the offline model server, through the official client.
Schemas of many shapes are filled with what fits them; what cannot be honoured is a 400 naming the parameter."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel, ConfigDict, Field

MODEL = "offline-extractive-chat"
TEXT = {"type": "string"}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
HANDBOOK = """# Leave policy

Employees get 25 days of paid annual leave per year.  Unused leave of up to 5 days may be
carried into the next year until 31 March.

Sick leave
Tell your manager before 9:30 on the first day. Dr. Ada Marsh signs notes longer than 3.5 days.
"""


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Citation(Strict):
    number: int
    quote: str


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def system(content: str) -> dict[str, Any]:
    return {"role": "system", "content": content}


def said(client: OpenAI, *messages: Any, **options: Any) -> str:
    return (
        client.chat.completions.create(model=MODEL, messages=list(messages), **options).choices[0].message.content or ""
    )


def formatted(name: str, schema: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema, **options}}


class Severity(StrEnum):
    low = "low"
    normal = "normal"
    urgent = "urgent"


class Bug(Strict):
    kind: Literal["bug"]
    severity: Severity


class Payment(Strict):
    kind: Literal["billing payment"]
    amount: float
    invoice_id: str


class Node(Strict):
    name: str
    children: list["Node"]


class Triage(Strict):
    category: Literal["technical", "billing", "sales"]
    severity: Severity
    summary: str
    sender_email: str | None
    due_date: str | None
    case: Bug | Payment
    tree: Node
    tags: list[str] = Field(max_length=2)
    confidence: float = Field(ge=0, le=1)
    pages: int = Field(ge=3, lt=5)
    evidence: list[Citation] = Field(min_length=1, max_length=2)
    nothing: None


def test_an_email_is_triaged_into_a_nested_strict_schema(client: OpenAI) -> None:
    email = (
        "From: bob@corp.example\n\nI was charged twice for invoice INV-2291, 129.50 EUR each. Refund me immediately."
    )
    messages: Any = [system("Triage the email: technical, billing or sales."), user(email)]
    parsed = client.chat.completions.parse(model=MODEL, messages=messages, response_format=Triage)
    triage = parsed.choices[0].message.parsed
    assert triage is not None
    assert (triage.category, triage.severity) == ("billing", Severity.urgent)
    assert triage.case == Payment(kind="billing payment", amount=129.5, invoice_id="INV-2291")
    assert (triage.sender_email, triage.due_date) == ("bob@corp.example", None)
    assert all(citation.quote in email for citation in triage.evidence)


@pytest.mark.parametrize(
    ("schema", "fits"),
    [
        ({"const": {"a": [1, None]}}, lambda value: value == {"a": [1, None]}),
        ({"enum": [3, 4]}, lambda value: value in (3, 4)),
        ({"type": ["integer", "null"], "minimum": 4, "multipleOf": 4}, lambda value: value is None or value >= 4),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 0.25}, lambda value: 0 < value <= 0.25),
        ({"type": "string", "pattern": "^[A-Z]{3}-\\d+$"}, lambda value: re.fullmatch("[A-Z]{3}-[0-9]+", value)),
        ({"type": "string", "minLength": 700, "maxLength": 800}, lambda value: 700 <= len(value) <= 800),
        ({"type": "string", "format": "date-time"}, datetime.fromisoformat),
        ({"type": "array", "items": TEXT, "uniqueItems": True, "minItems": 2}, lambda value: len({*value}) >= 2),
        (
            {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "boolean"}], "items": False},
            lambda value: [type(item) for item in value] == [int, bool],
        ),
        ({"oneOf": [{"type": "integer"}, {"enum": ["none"]}]}, lambda value: value == "none" or type(value) is int),
        (
            {"allOf": [{"properties": {"a": TEXT}}, {"properties": {"b": {"type": "null"}}, "required": ["a", "b"]}]},
            lambda value: isinstance(value["a"], str) and value["b"] is None,
        ),
        (
            {"$ref": "#/$defs/list", "$defs": {"list": {"properties": {"next": {"$ref": "#/$defs/list"}}}}},
            lambda value: value.keys() <= {"next"},
        ),
        ({"type": "object", "properties": {"a": True}, "required": ["a", "b"]}, lambda value: {"a", "b"} <= {*value}),
        ({"type": "object", "required": [["a"]], "properties": 7}, lambda value: value == {}),
        ({}, lambda value: value),
    ],
)
def test_any_schema_is_filled_with_a_valid_value(
    client: OpenAI, schema: dict[str, Any], fits: Callable[[Any], object]
) -> None:
    assert fits(json.loads(said(client, user(HANDBOOK), response_format=formatted("any", schema))))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"type": "string", "pattern": "^\\p{Nope"},
        {"$ref": "#/$defs/missing"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}},
        {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}},
        {"type": "color"},
        {"type": "string", "enum": [1]},
        {"enum": []},
        {"anyOf": []},
    ],
)
def test_a_schema_nothing_fits_is_a_bad_request(client: OpenAI, schema: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        said(client, user("Hello"), response_format=formatted("none", schema))
    assert (caught.value.param, caught.value.code) == ("response_format", "invalid_schema")


@pytest.mark.parametrize(
    ("schema", "rule"),
    [
        ({"type": "object", "properties": {"a": TEXT}, "required": ["a"]}, "additionalProperties"),
        ({"type": "object", "properties": {"a": TEXT}, "additionalProperties": False}, "including every key"),
        ({"type": "array", "items": TEXT}, "root"),
    ],
)
def test_a_strict_schema_must_be_strict(client: OpenAI, schema: dict[str, Any], rule: str) -> None:
    with pytest.raises(openai.BadRequestError, match=rule):
        said(client, user("Hello"), response_format=formatted("loose", schema, strict=True))


def test_a_json_object_has_the_keys_the_prompt_shows(client: OpenAI) -> None:
    shown = system('Reply in JSON: {"summary": "...", "title": "..."}')
    answer = json.loads(said(client, shown, user(HANDBOOK), response_format={"type": "json_object"}))
    assert list(answer) == ["summary", "title"]
    assert "annual leave" in answer["summary"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "Hello"}, "messages"),
        ({"messages": ["Hello"]}, "messages[0]"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        ({"messages": [user([{"type": "image_url", "image_url": {"url": "data:,"}}])]}, "messages[0].content[0].type"),
        ({"n": 2}, "n"),
        ({"n": 0}, "n"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1, "max_completion_tokens": 1}, "max_tokens"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"tools": []}, "tools"),
        ({"tools": [{"type": "function", "function": {"name": "no spaces"}}]}, "tools[0].function.name"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "nope"}}}, "tool_choice"),
        ({"parallel_tool_calls": True}, "parallel_tool_calls"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": {"type": "json_object"}}, "messages"),
        ({"logprobs": True}, "logprobs"),
        ({"audio": {}}, "audio"),
        ({"color": "red"}, "color"),
        ({"messages": [user("word " * 130_000)]}, "messages"),
    ],
)
def test_a_bad_chat_request_names_the_parameter(client: OpenAI, fields: dict[str, Any], param: str) -> None:
    body = {"model": MODEL, "messages": [user("Hello")], **fields}
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/chat/completions", body=body, cast_to=object)
    assert (caught.value.param, caught.value.type) == (param, "invalid_request_error")
