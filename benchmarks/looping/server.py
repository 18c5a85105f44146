"""A model that plays a script over OpenAI's protocol, and counts what it is sent.

It reads page after page, notes a fact it has just been shown if it has a tool for notes, and answers with those facts
that stand in its last request: what an agent did not send it, it does not know. A task is known by the API key.
"""

import json
import re
import time
import urllib.request
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from quadrille.tokens import in_bytes

DISCOUNT = 0.9  # of what a provider's cache of a prompt's beginning takes off
_FACT = re.compile(r"The code of depot \d+ is [0-9a-f]{8}\.")


@dataclass
class Run:
    """One task: how far it is, and what was sent. Tokens are UTF-8 bytes / 3.8, the same for everybody."""

    pages: int
    read: int = 0
    requests: int = 0
    sent: int = 0
    cached: int = 0
    largest: int = 0
    seconds: float = 0.0
    last: str = ""
    noted: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)

    @property
    def discounted(self) -> float:
        """Tokens sent, with what the request before began with at a tenth."""
        return self.sent - DISCOUNT * self.cached

    def take(self, body: dict[str, Any]) -> dict[str, Any]:
        """Count a request, and reply to it."""
        text = json.dumps([body.get("tools"), body["messages"]], ensure_ascii=False)
        size = in_bytes(len(text.encode()))
        self.requests += 1
        self.sent += size
        self.cached += in_bytes(len(shared(text, self.last).encode()))
        self.largest = max(self.largest, size)
        self.last = text
        return self._message({tool["function"]["name"] for tool in body.get("tools", [])}, text)

    def _message(self, tools: set[str], text: str) -> dict[str, Any]:
        if not tools:
            return {"content": json.dumps({"summary": f"{self.read} pages of the register were read."})}
        shown = set(_FACT.findall(text))
        calls: list[tuple[str, Any]] = []
        if "remember" in tools:
            calls += [("remember", {"fact": each}) for each in sorted(shown - self.noted)]
            self.noted |= shown
        if self.read < self.pages:
            self.read += 1
            calls.append(("read_page", {"number": self.read}))
        elif not calls:
            self.known = shown
            answer = f"{self.read} pages were read: {' '.join(sorted(shown))}"
            if "finish" in tools:
                calls = [("finish", {"result": answer, "evidence": []})]
            elif "final_answer" in tools:
                calls = [("final_answer", {"answer": answer})]
            else:
                return {"content": answer}
        return {"content": None, "tool_calls": [self._call(place, *call) for place, call in enumerate(calls)]}

    def _call(self, place: int, name: str, arguments: Any) -> dict[str, Any]:
        function = {"name": name, "arguments": json.dumps(arguments)}
        return {"id": f"call_{self.requests}_{place}", "type": "function", "function": function}


def shared(one: str, other: str) -> str:
    """What two texts begin with."""
    most = min(len(one), len(other))
    return one[: bisect_left(range(1, most + 1), True, key=lambda size: one[:size] != other[:size])]


@dataclass
class Server:
    """Tasks by their key; what is no chat goes to `others`, an OpenAI server of its own."""

    others: str
    url: str = ""
    runs: dict[str, Run] = field(default_factory=dict)

    def chat(self, key: str, body: dict[str, Any]) -> dict[str, Any]:
        """A chat completion."""
        began = time.perf_counter()
        run = self.runs[key]
        message = run.take(body)
        choice = {
            "index": 0,
            "message": {"role": "assistant", **message},
            "finish_reason": "tool_calls" if "tool_calls" in message else "stop",
            "logprobs": None,
        }
        size = in_bytes(len(run.last.encode()))
        run.seconds += time.perf_counter() - began
        return {
            "id": f"chatcmpl-{run.requests}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": body["model"],
            "choices": [choice],
            "usage": {"prompt_tokens": size, "completion_tokens": 50, "total_tokens": size + 50},
        }


@contextmanager
def serving(others: str = "") -> Iterator[Server]:
    """The server, while it is needed."""
    server = Server(others)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path.endswith("/chat/completions"):
                key = self.headers["Authorization"].removeprefix("Bearer ")
                answer = json.dumps(server.chat(key, json.loads(data))).encode()
            else:
                headers = {"Content-Type": "application/json", "Authorization": "Bearer offline"}
                request = urllib.request.Request(f"{server.others}/{self.path.split('/v1/')[1]}", data, headers)
                with urllib.request.urlopen(request, timeout=30) as given:
                    answer = given.read()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{http.server_port}/v1"
    Thread(target=http.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        http.shutdown()
