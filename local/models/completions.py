"""A reply in the wire form of `/v1/chat/completions`: one object, or the chunks of a stream.
Field by field what the hosted API sends; the pieces of a stream put together are the object's content."""

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

from local.models.chat_calls import ChatCall
from local.models.fields import JsonObject
from local.models.replies import Reply
from local.models.tokens import split_pieces
from local.models.tool_calls import ToolCall

FINGERPRINT = "fp_offline_extractive_1"


@dataclass(frozen=True)
class Completion:
    call: ChatCall
    reply: Reply
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def body(self) -> JsonObject:
        """The answer to a request without `stream`."""
        message: JsonObject = {"role": "assistant", "content": self.reply.content, "refusal": None, "annotations": []}
        if self.reply.calls:
            message["tool_calls"] = [_tool_call(call) for call in self.reply.calls]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.reply.finish}
        return {**self._head("chat.completion"), "choices": [choice], "usage": self._usage()}

    def events(self) -> Iterator[str]:
        """The server-sent events of a stream, each with its blank line."""
        for delta in self._deltas():
            yield self._event([_choice(delta, None)])
        yield self._event([_choice({}, self.reply.finish)])
        if self.call.include_usage:
            yield self._event([], usage=self._usage())
        yield "data: [DONE]\n\n"

    def _head(self, kind: str) -> JsonObject:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.call.model,
            "service_tier": "default",
            "system_fingerprint": FINGERPRINT,
        }

    def _usage(self) -> JsonObject:
        prompt, completion = self.call.prompt_tokens, self.reply.tokens
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }

    def _event(self, choices: list[JsonObject], usage: JsonObject | None = None) -> str:
        chunk: JsonObject = {**self._head("chat.completion.chunk"), "choices": choices}
        if self.call.include_usage:
            chunk["usage"] = usage  # null on every chunk but the last
        return f"data: {json.dumps(chunk)}\n\n"

    def _deltas(self) -> Iterator[JsonObject]:
        yield {"role": "assistant", "content": None if self.reply.calls else "", "refusal": None}
        for piece in split_pieces(self.reply.content or ""):
            yield {"content": piece}
        for index, call in enumerate(self.reply.calls):
            opened = _tool_call(call) | {"function": {"name": call.name, "arguments": ""}}
            yield {"tool_calls": [{"index": index, **opened}]}
            for piece in split_pieces(call.arguments):
                yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _tool_call(call: ToolCall) -> JsonObject:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _choice(delta: JsonObject, finish: str | None) -> JsonObject:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
