"""The tools of a chat request and which of them may, or must, be called.
Function tools only; a strict tool's schema is held to the rules of strict mode."""

import json
import re
from dataclasses import dataclass

from local.models.errors import invalid
from local.models.fields import Fields, JsonObject
from local.models.strictness import check_strict_schema

TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
MOST_TOOLS = 128
NO_PARAMETERS: JsonObject = {"type": "object", "properties": {}}


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    description: str
    parameters: JsonObject

    @property
    def transcript(self) -> str:
        """All that counts as tokens."""
        return f"{self.name}{self.description}{json.dumps(self.parameters)}"


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """`mode` is none, auto, required or named; `allowed` are the tools it leaves to choose from."""

    mode: str
    allowed: list[Tool]


def parse_tools(fields: Fields) -> list[Tool]:
    if not fields.has("tools"):
        return []
    given = fields.each("tools")
    if not given:
        raise invalid("Invalid 'tools': empty array. Expected at least one tool.", "tools", "empty_array")
    if len(given) > MOST_TOOLS:
        message = f"Invalid 'tools': array too long. Expected at most {MOST_TOOLS} tools, but got {len(given)}."
        raise invalid(message, "tools", "array_above_max_length")
    return [_parse_tool(each) for each in given]


def _parse_tool(fields: Fields) -> Tool:
    fields.choice("type", ("function",))
    function = fields.fields("function")
    name = function.string("name")
    if not TOOL_NAME.fullmatch(name):
        message = f"Invalid '{function.param('name')}': string does not match pattern '^{TOOL_NAME.pattern}$'."
        raise invalid(message, function.param("name"), "invalid_value")
    parameters = function.fields("parameters").values if function.has("parameters") else NO_PARAMETERS
    if function.flag("strict"):
        check_strict_schema(parameters, f"function '{name}'", function.param("parameters"))
    return Tool(name, function.optional_string("description") or "", parameters)


def parse_tool_choice(fields: Fields, tools: list[Tool]) -> ToolChoice:
    if not fields.has("tool_choice"):
        return ToolChoice("auto" if tools else "none", tools)
    if not tools and fields.values["tool_choice"] != "none":
        message = "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified."
        raise invalid(message, "tool_choice")
    if isinstance(fields.values["tool_choice"], str):
        return ToolChoice(fields.choice("tool_choice", ("none", "auto", "required")), tools)
    choice = fields.fields("tool_choice")
    if choice.choice("type", ("function", "allowed_tools")) == "function":
        return ToolChoice("named", [_find(choice, tools)])
    allowed = choice.fields("allowed_tools")
    return ToolChoice(
        allowed.choice("mode", ("auto", "required")), [_find(one, tools) for one in allowed.each("tools")]
    )


def _find(choice: Fields, tools: list[Tool]) -> Tool:
    name = choice.fields("function").string("name")
    for tool in tools:
        if tool.name == name:
            return tool
    message = f"Invalid value for 'tool_choice': no function named '{name}' was specified in the 'tools' parameter."
    raise invalid(message, "tool_choice")
