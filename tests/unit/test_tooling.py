"""What a model is told of a tool, and what it is told when it uses one wrongly."""

import json

import pytest

from quadrille.act.tooling import Arguments, Observation, Tool, Use, Workbench, built_in, tool
from quadrille.config import Settings, settings
from quadrille.errors import Invalid


class Trip(Arguments):
    """Not for the model."""

    to: str
    days: int = 3


@tool(effect=True)
def travel(arguments: Trip, use: Use, bench: Workbench) -> Observation:
    """Go somewhere,
    and come back."""
    return Observation(f"{arguments.to} for {arguments.days} days")


def refusal(raw: str, of: Tool = travel) -> str:
    with pytest.raises(Invalid) as caught:
        of.check(of.parse(raw))
    return str(caught.value)


def test_a_tool_is_told_by_its_function_and_the_model_of_its_arguments():
    assert travel.public() == {
        "name": "travel",
        "description": "Go somewhere, and come back.",
        "schema": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"to": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["to", "days"],
        },
        "approval": False,
        "effect": True,
    }


def test_good_arguments_are_what_the_function_takes():
    assert travel.check(travel.parse('{"to": "Rome"}')) == Trip(to="Rome", days=3)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("{}", "to: is missing"),
        ('{"to": 5}', "to: Input should be a valid string"),
        ('{"to": "Rome", "days": "4"}', "days: Input should be a valid integer"),
        ('{"to": "Rome", "by": "train"}', "by: is no argument of this tool; allowed: to, days"),
        ('{"days": "4"}', "to: is missing; days: Input should be a valid integer"),
        ("[1]", "must be one JSON object and not a list"),
        ("null", "must be one JSON object and not null"),
        ("to=Rome", "are not JSON"),
        ('{"days": NaN}', "NaN is no number of JSON"),
        ('{"days": 1e999}', "1e999 is too large"),
        ('{"to": "Rome", "to": "Pisa"}', "a name stands twice"),
        ("[" * 30_000, "are not JSON"),
        ('{"days": ' + "9" * 5_000 + "}", "are not JSON"),
        ('{"to": "' + "x" * 40_000 + '"}', "the limit is 32000"),
    ],
)
def test_bad_arguments_are_refused_in_words_that_name_them(raw, words):
    assert words in refusal(raw)


def test_half_a_character_is_refused():
    assert refusal('{"to": "\\ud800"}')


def test_only_so_many_complaints_are_made_at_once():
    assert refusal(json.dumps({f"a{number}": 1 for number in range(1_000)})).endswith("; and 996 more")


def test_no_arguments_at_all_are_an_empty_object():
    assert travel.parse("") == {}


def test_the_tools_that_are_built_in_are_found():
    assert {"calculate", "search_documents", "read_result", "ask_human"} <= built_in().keys()


@pytest.mark.parametrize("name", built_in())
def test_every_built_in_tool_can_be_offered_to_a_model(name):
    offered = built_in()[name].offered()["function"]
    assert offered["name"] == name
    assert 20 < len(offered["description"]) < 1_024
    assert offered["strict"] == (name != "publish_event")


def test_a_tool_may_not_name_a_tenant_a_bucket_or_a_credential():
    names = {argument for tool in built_in().values() for argument in tool.schema["properties"]}
    assert not [name for name in names if {"tenant", "bucket", "key", "token", "credentials"} & set(name.split("_"))]


def test_a_tool_needs_a_setting_that_exists():
    assert all(tool.needs in ("", *Settings.model_fields) for tool in built_in().values())
    assert settings().tool_argument_characters == 32_000
