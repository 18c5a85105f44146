"""`make ask`: a question over the WebSocket, its answer written to the terminal as it comes."""

import json
import time
from collections.abc import Iterator
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect

from local.stack.demo import evidence
from local.stack.places import Stop

_SECONDS = 130


def ask(stack: dict[str, Any], question: str) -> None:
    """Print an answer while it is written, then its citations and receipt. Raises `Stop` if there is none."""
    began = time.monotonic()
    first: float | None = None
    for frame in frames(stack, {"action": "ask", "question": question}):
        match frame["type"]:
            case "token":
                first = first or time.monotonic() - began
                print(frame["text"], end="", flush=True)
            case "done":
                print(f"\n\n{evidence(frame)}\n")
                print(f"  first words after {first or 0:.2f} s, all after {time.monotonic() - began:.2f} s")
            case "error":
                raise Stop(f"{frame['title']}: {frame['detail']}")


def frames(stack: dict[str, Any], message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What answers one frame, up to the last."""
    headers = {"Authorization": f"Bearer {stack['api_key']}"}
    try:
        with connect(stack["ws_url"], additional_headers=headers) as socket:
            socket.send(json.dumps(message))
            while True:
                frame: dict[str, Any] = json.loads(socket.recv(timeout=_SECONDS))
                yield frame
                if frame["type"] in ("done", "error", "cancelled"):
                    return
    except (InvalidHandshake, ConnectionClosed, OSError) as error:
        raise Stop(f"The WebSocket {stack['ws_url']} does not answer: {error}") from error
