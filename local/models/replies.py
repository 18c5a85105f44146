"""The reply to a chat request, before it takes its wire form: text, JSON or tool calls, cut where the request says.
Everything is derived from the request alone; `temperature` and `seed` have nothing to vary."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from local.models.answers import answer
from local.models.asking import answer_ask, read_ask
from local.models.chat_calls import ChatCall
from local.models.conversations import Conversation, read_conversation
from local.models.facts import MaterialFacts
from local.models.fields import JsonObject
from local.models.filling import fill
from local.models.messages import Message
from local.models.rewriting import read_follow_up, rewrite
from local.models.sorting import read_letter, sort
from local.models.tokens import count_tokens, first_tokens
from local.models.tool_calls import ToolCall, choose_calls

KEY_IN_PROMPT = re.compile(r"[\"'`](\w{1,64})[\"'`]\s*:")


@dataclass(frozen=True, slots=True)
class Reply:
    """Either `content` or `calls`; `finish` is the wire's finish_reason."""

    content: str | None
    calls: Sequence[ToolCall]
    finish: str

    @property
    def tokens(self) -> int:
        return count_tokens(self.content or "") + sum(count_tokens(call.name + call.arguments) for call in self.calls)


def reply_to(call: ChatCall) -> Reply:
    """Raises ApiError 400 for a schema no value was found for."""
    conversation = read_conversation(call.messages)
    calls = choose_calls(call.tool_choice, conversation, call.messages, parallel=call.parallel)
    if calls:
        # As the hosted API has it, a call the request named ends with "stop": there was nothing to choose.
        return Reply(None, calls, "stop" if call.tool_choice.mode == "named" else "tool_calls")
    return Reply(_cut_at_stop(_write(call, conversation), call.stops), [], "stop")


def _write(call: ChatCall, conversation: Conversation) -> str:
    ask, follow_up = read_ask(call.messages), read_follow_up(call.messages)
    letter = read_letter(call.messages)
    asked = answer_ask(ask) if ask else rewrite(follow_up) if follow_up else sort(letter) if letter else None
    if call.format.kind == "text":
        return str(asked.get("answer") or asked["question"]) if asked else answer(conversation)
    schema = call.format.schema if call.format.schema is not None else _free_schema(call.messages, asked)
    return json.dumps(fill(schema, MaterialFacts(conversation), asked), ensure_ascii=False)


def _free_schema(messages: Sequence[Message], asked: Mapping[str, object] | None) -> JsonObject:
    """For a plain JSON object: the ask prompt's keys, else those a message shows, else `answer`."""
    shown = [key for message in messages if message.role != "tool" for key in KEY_IN_PROMPT.findall(message.text)]
    keys = list(asked) if asked else list(dict.fromkeys(shown)) or ["answer"]
    known = {"supported": {"type": "boolean"}, "citations": {"type": "array"}} if asked else {}
    return {"type": "object", "properties": {key: known.get(key, {"type": "string"}) for key in keys}, "required": keys}


def _cut_at_stop(text: str, stops: Sequence[str]) -> str:
    return text[: min((at for stop in stops if (at := text.find(stop)) >= 0), default=len(text))]


def cut_to_length(reply: Reply, most: int | None) -> Reply:
    """A reply that is no longer than the request allows."""
    if most is None or reply.tokens <= most:
        return reply
    calls: list[ToolCall] = []
    left = most
    for call in reply.calls:
        left = max(left - count_tokens(call.name), 0)
        calls.append(replace(call, arguments=first_tokens(call.arguments, left)))
        left -= count_tokens(calls[-1].arguments)
    return Reply(None if reply.content is None else first_tokens(reply.content, most), calls, "length")
