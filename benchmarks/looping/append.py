"""Append everything: the loop one writes first. Every message stays, and all of them are sent each time."""

import json
from typing import Any

from openai import OpenAI

from benchmarks.looping.pages import GOAL, SYSTEM, page

_READ_PAGE = {
    "type": "function",
    "function": {
        "name": "read_page",
        "description": "Read a page of the register.",
        "parameters": {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]},
    },
}


def run(url: str, key: str) -> None:
    """Work until the model calls no tool any more."""
    messages: list[Any] = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": GOAL}]
    with OpenAI(base_url=url, api_key=key, max_retries=0) as client:
        while True:
            tools: Any = [_READ_PAGE]
            message = client.chat.completions.create(model="m", messages=messages, tools=tools).choices[0].message
            messages.append(message.model_dump(exclude_none=True))
            if not message.tool_calls:
                return
            for call in message.tool_calls:
                number = json.loads(call.function.arguments)["number"]  # type: ignore[union-attr]
                messages.append({"role": "tool", "tool_call_id": call.id, "content": page(number)})
