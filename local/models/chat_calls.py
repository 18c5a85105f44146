"""`POST /v1/chat/completions`, the request: checked as the hosted API checks it, and held in plain dataclasses.
What cannot be honoured (images, audio, log probabilities, several choices) is refused, never ignored."""

from dataclasses import dataclass

from local.models.catalog import check_chat_model
from local.models.errors import invalid
from local.models.fields import Fields, JsonObject, wrong_type
from local.models.messages import Message, parse_messages
from local.models.strictness import check_strict_schema
from local.models.tokens import count_tokens
from local.models.tools import Tool, ToolChoice, parse_tool_choice, parse_tools
from local.models.words import word_set

CONTEXT_TOKENS = 128_000
TOKENS_AROUND_MESSAGE, TOKENS_BEFORE_REPLY = 3, 3  # OpenAI's cookbook, "Counting tokens for chat completions"
MOST_STOPS = 4

UNUSED = word_set(  # accepted: they steer sampling, storing or billing, of which there is none here
    """
    frequency_penalty logit_bias metadata moderation prediction presence_penalty prompt_cache_key prompt_cache_options
    prompt_cache_retention reasoning_effort safety_identifier seed service_tier store user verbosity
    """
)
USED = word_set(
    """
    logprobs max_completion_tokens max_tokens messages modalities model n parallel_tool_calls response_format stop
    stream stream_options temperature tool_choice tools top_p
    """
)
UNSUPPORTED = ("audio", "function_call", "functions", "top_logprobs", "web_search_options")


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """`kind` is text, json_object or json_schema; `schema` belongs to the last."""

    kind: str
    schema: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class ChatCall:
    model: str
    messages: list[Message]
    tools: list[Tool]
    tool_choice: ToolChoice
    parallel: bool
    format: ResponseFormat
    stops: list[str]
    most_tokens: int | None
    stream: bool
    include_usage: bool
    prompt_tokens: int


def parse_chat_call(body: JsonObject) -> ChatCall:
    """Raises ApiError."""
    fields = Fields(body)
    fields.refuse_unknown(UNUSED | USED | {*UNSUPPORTED})
    model = fields.string("model")
    check_chat_model(model)
    _refuse_unsupported(fields)
    messages = parse_messages(fields)
    tools = parse_tools(fields)
    return ChatCall(
        model=model,
        messages=messages,
        tools=tools,
        tool_choice=parse_tool_choice(fields, tools),
        parallel=_parse_parallel(fields, tools),
        format=_parse_format(fields, messages),
        stops=_parse_stops(fields),
        most_tokens=_parse_most_tokens(fields),
        stream=fields.flag("stream"),
        include_usage=_parse_include_usage(fields),
        prompt_tokens=_count_prompt(messages, tools),
    )


def _refuse_unsupported(fields: Fields) -> None:
    for name in UNSUPPORTED:
        if fields.has(name):
            message = f"Unsupported parameter: '{name}' is not supported with this model."
            raise invalid(message, name, "unsupported_parameter")
    fields.optional_decimal("temperature", 0, 2)
    fields.optional_decimal("top_p", 0, 1)
    _refuse_value(fields, "logprobs", fields.flag("logprobs"))
    _refuse_value(fields, "n", fields.optional_integer("n", 1) not in (None, 1))
    _refuse_value(fields, "modalities", fields.values.get("modalities") not in (None, ["text"]))


def _refuse_value(fields: Fields, name: str, refused: bool) -> None:
    if refused:
        message = f"Unsupported value: '{name}' does not support {fields.values[name]!r} with this model."
        raise invalid(message, name, "unsupported_value")


def _parse_parallel(fields: Fields, tools: list[Tool]) -> bool:
    if fields.has("parallel_tool_calls") and not tools:
        message = "Invalid value for 'parallel_tool_calls': it is only allowed when 'tools' are specified."
        raise invalid(message, "parallel_tool_calls")
    return fields.flag("parallel_tool_calls", default=True)


def _parse_format(fields: Fields, messages: list[Message]) -> ResponseFormat:
    if not fields.has("response_format"):
        return ResponseFormat("text")
    given = fields.fields("response_format")
    kind = given.choice("type", ("text", "json_object", "json_schema"))
    if kind == "json_object" and not any("json" in message.text.lower() for message in messages):
        wanted = "'messages' must contain the word 'json' in some form"
        raise invalid(f"{wanted}, to use 'response_format' of type 'json_object'.", "messages")
    return ResponseFormat(kind, _parse_schema(given.fields("json_schema")) if kind == "json_schema" else None)


def _parse_schema(given: Fields) -> JsonObject:
    name = given.string("name")
    schema = given.fields("schema").values
    if given.flag("strict"):
        check_strict_schema(schema, f"response_format '{name}'", "response_format")
    return schema


def _parse_stops(fields: Fields) -> list[str]:
    value = fields.values.get("stop")
    stops = [value] if isinstance(value, str) else value if value is not None else []
    if not isinstance(stops, list) or not all(isinstance(stop, str) for stop in stops):
        raise wrong_type("stop", "a string or an array of strings", value)
    if len(stops) > MOST_STOPS:
        message = f"Invalid 'stop': array too long. Expected at most {MOST_STOPS} sequences, but got {len(stops)}."
        raise invalid(message, "stop", "array_above_max_length")
    return [stop for stop in stops if stop]


def _parse_most_tokens(fields: Fields) -> int | None:
    if fields.has("max_tokens") and fields.has("max_completion_tokens"):
        message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
        raise invalid(message, "max_tokens", "invalid_parameter_combination")
    return fields.optional_integer("max_completion_tokens", 1) or fields.optional_integer("max_tokens", 1)


def _parse_include_usage(fields: Fields) -> bool:
    if not fields.has("stream_options"):
        return False
    if not fields.flag("stream"):
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise invalid(message, "stream_options")
    options = fields.fields("stream_options")
    options.refuse_unknown(("include_usage", "include_obfuscation"))
    return options.flag("include_usage")


def _count_prompt(messages: list[Message], tools: list[Tool]) -> int:
    said = sum(count_tokens(message.transcript) + TOKENS_AROUND_MESSAGE for message in messages)
    total = said + sum(count_tokens(tool.transcript) for tool in tools) + TOKENS_BEFORE_REPLY
    if total > CONTEXT_TOKENS:
        limit = f"This model's maximum context length is {CONTEXT_TOKENS} tokens."
        message = f"{limit} However, your messages resulted in {total} tokens. Please reduce their length."
        raise invalid(message, "messages", "context_length_exceeded")
    return total
