"""The messages of a chat request: roles, text parts, tool calls and the results that must follow them.
A transcript the hosted API would refuse is refused here too, so an agent's bug shows before it costs anything."""

import json
from dataclasses import dataclass, field

from local.models.errors import ApiError, invalid
from local.models.fields import Fields, as_object, wrong_type

ROLES = ("system", "assistant", "user", "tool", "developer")
INSTRUCTION_ROLES = ("system", "developer")


@dataclass(frozen=True, slots=True)
class PastCall:
    """A tool call the assistant made earlier in the conversation."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    role: str
    text: str
    calls: list[PastCall] = field(default_factory=list)
    call_id: str | None = None

    @property
    def transcript(self) -> str:
        """All that counts as tokens."""
        return self.text + "".join(f"{call.name}{call.arguments}" for call in self.calls)


def parse_messages(fields: Fields) -> list[Message]:
    """Raises ApiError for a message or an order of messages the hosted API refuses."""
    given = fields.each("messages")
    if not given:
        message = "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array."
        raise invalid(message, "messages", "empty_array")
    messages = [_parse_message(each) for each in given]
    _check_order(messages)
    return messages


def _parse_message(fields: Fields) -> Message:
    role = fields.choice("role", ROLES)
    calls = _parse_calls(fields) if role == "assistant" and fields.has("tool_calls") else []
    needs_text = not (calls or (role == "assistant" and fields.has("refusal")))
    text = _parse_content(fields) if needs_text or fields.has("content") else ""
    return Message(role, text, calls, fields.string("tool_call_id") if role == "tool" else None)


def _parse_calls(fields: Fields) -> list[PastCall]:
    return [
        PastCall(call.string("id"), call.fields("function").string("name"), call.fields("function").string("arguments"))
        for call in fields.each("tool_calls")
    ]


def _parse_content(fields: Fields) -> str:
    content = fields.required("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise wrong_type(fields.param("content"), "a string or an array of content parts", content)
    places = ((part, f"{fields.param('content')}[{at}]") for at, part in enumerate(content))
    return "\n".join(_parse_part(Fields(as_object(part, place), place)) for part, place in places)


def _parse_part(part: Fields) -> str:
    kind = part.string("type")
    if kind in ("text", "refusal"):
        return part.string(kind)
    raise invalid(f"Invalid content type. {kind} is only supported by certain models.", part.param("type"))


def _check_order(messages: list[Message]) -> None:
    """Every tool message answers a call just made, and every call is answered before the talk goes on."""
    open_calls: set[str] = set()
    for at, message in enumerate(messages):
        if message.role == "tool":
            if message.call_id not in open_calls:
                raise _stray_result(at)
            open_calls.discard(message.call_id)
            continue
        if open_calls:
            raise _missing_results(at, open_calls)
        open_calls = {call.id for call in message.calls}
    if open_calls:
        raise _missing_results(len(messages), open_calls)


def _stray_result(at: int) -> ApiError:
    message = "messages with role 'tool' must be a response to a preceding message with 'tool_calls'."
    return invalid(f"Invalid parameter: {message}", f"messages[{at}].role")


def _missing_results(at: int, calls: set[str]) -> ApiError:
    rule = "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'."
    missing = f"The following tool_call_ids did not have response messages: {', '.join(sorted(calls))}"
    return invalid(f"{rule} {missing}", f"messages[{at}].role")


def read_json(text: str) -> object:
    """The JSON value `text` is, or None: text that merely looks like JSON is text."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return None
