"""Replies that are written beforehand: `PUT /scripts`, outside OpenAI's paths, for whoever tries what a system does
when its model does this. A conversation that says `match` in a message of its user's gets them one after the other."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

from local.models.errors import invalid
from local.models.fields import JsonObject
from local.models.messages import Message
from local.models.replies import Reply
from local.models.tool_calls import ToolCall


class Scripts:
    """Scripts by what they match, and how far each is. The same request gets the same reply, the next one the next.

    After the last reply it is given again.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._scripts: dict[str, Sequence[Reply]] = {}
        self._places: dict[str, dict[str, int]] = {}

    def put(self, body: JsonObject) -> None:
        """Take `{"match": ..., "replies": [{"content": ..., "calls": [{"name": ..., "arguments": {...}}]}]}`.

        Arguments that are a string are sent as they are. Raises ApiError.
        """
        match, replies = body.get("match"), body.get("replies")
        if not isinstance(match, str) or not match or not isinstance(replies, list) or not replies:
            raise invalid("A script is an object with a `match` that is no empty string, and a list of `replies`.")
        parsed = [_reply(place, reply) for place, reply in enumerate(replies)]
        with self._lock:
            self._scripts[match], self._places[match] = parsed, {}

    def reply(self, messages: Sequence[Message], body: JsonObject) -> Reply | None:
        """The next reply of the script that matches, if one does."""
        with self._lock:
            said = [message.text for message in messages if message.role == "user"]
            match = next((match for match in self._scripts if any(match in text for text in said)), None)
            if match is None:
                return None
            places = self._places[match]
            digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
            place = places.setdefault(digest, len(places))
            replies = self._scripts[match]
            return replies[min(place, len(replies) - 1)]


def _reply(place: int, given: Any) -> Reply:
    if not isinstance(given, Mapping) or not isinstance(given.get("calls", []), list):
        raise invalid(f"Reply {place} is no object with `content` or a list of `calls`.")
    calls = [_call(f"call_{place}_{number}", call) for number, call in enumerate(given.get("calls", []))]
    content = given.get("content")
    return Reply(content if calls else str(content or ""), calls, "tool_calls" if calls else "stop")


def _call(id: str, given: Any) -> ToolCall:
    if not isinstance(given, Mapping) or not isinstance(given.get("name"), str):
        raise invalid("A call of a script is an object with a `name` and `arguments`.")
    arguments = given.get("arguments", {})
    return ToolCall(id, given["name"], arguments if isinstance(arguments, str) else json.dumps(arguments))
