"""A WebSocket gateway in this process: connections that remember their frames, and handlers behind them."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, ClassVar
from uuid import uuid4

from botocore.exceptions import ClientError
from pydantic import BaseModel

from quadrille import clients
from quadrille.sockets import Sockets
from tests.integration.house import invoke


class Gone(ClientError):
    """410."""


class Throttled(ClientError):
    """429."""


@dataclass
class Gateway:
    """Stands for the management API's client. `throttled` posts are refused before one is taken."""

    frames: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    throttled: int = 0
    threads: list[threading.Thread] = field(default_factory=list)
    turns: list[dict[str, Any]] = field(default_factory=list)
    answering: Callable[[dict[str, Any]], Any] = lambda turn: invoke("ask/stream", turn)
    exceptions: ClassVar = SimpleNamespace(GoneException=Gone, LimitExceededException=Throttled)

    def post_to_connection(self, ConnectionId: str, Data: bytes) -> None:  # noqa: N803
        if self.throttled:
            self.throttled -= 1
            raise Throttled({}, "PostToConnection")
        if ConnectionId not in self.frames:
            raise Gone({}, "PostToConnection")
        self.frames[ConnectionId].append(json.loads(Data))

    def start(self, message: BaseModel) -> None:
        """In place of `Background.start`."""
        turn = json.loads(message.model_dump_json())
        self.turns.append(turn)
        self.answering(turn)

    def connect(self, key_id: str, tenant: str) -> "Socket":
        socket = Socket(self, uuid4().hex)
        socket.event("CONNECT", "", {"tenant": tenant, "key_id": key_id, "scopes": ""})
        self.frames[socket.id] = []
        return socket

    def serve_asks_in_threads(self) -> None:
        """Let an ask go on while other frames come, as it does when it is handed over."""
        self.answering = self._begin

    def _begin(self, turn: dict[str, Any]) -> None:
        self.threads.append(threading.Thread(target=invoke, args=["ask/stream", turn]))
        self.threads[-1].start()

    def await_asks(self) -> None:
        """Until every ask that was begun has ended."""
        for thread in self.threads:
            thread.join()


@dataclass
class Socket:
    """One connection, from the client's side."""

    gateway: Gateway
    id: str

    @property
    def frames(self) -> list[dict[str, Any]]:
        return self.gateway.frames[self.id]

    def event(self, kind: str, body: str, authorizer: dict[str, str] | None = None) -> dict[str, Any]:
        context = {"routeKey": "$default", "eventType": kind, "connectionId": self.id, "requestId": str(uuid4())}
        given = {"authorizer": authorizer} if authorizer else {}
        return invoke("system/socket", {"requestContext": context | given, "body": body, "isBase64Encoded": False})

    def send(self, frame: Any) -> list[dict[str, Any]]:
        """The frames that come while one is taken."""
        before = len(self.frames)
        assert self.event("MESSAGE", frame if isinstance(frame, str) else json.dumps(frame)) == {"statusCode": 200}
        return self.frames[before:]

    def close(self) -> None:
        """Leave, and let the gateway say so."""
        self.vanish()
        self.event("DISCONNECT", "")

    def vanish(self) -> None:
        """Leave without a word."""
        del self.gateway.frames[self.id]

    def await_frame(self, kind: str, seconds: float = 10) -> dict[str, Any]:
        """The first frame of a kind, once it is there."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for frame in self.frames:
                if frame["type"] == kind:
                    return frame
            time.sleep(0.01)
        raise AssertionError(f"no {kind} frame: {self.frames}")


def install(monkeypatch: Any) -> Gateway:
    """A gateway that the clients of this process talk to."""
    gateway = Gateway()
    monkeypatch.setattr(clients, "sockets", lambda: Sockets(gateway))  # type: ignore[arg-type]
    monkeypatch.setattr(clients, "answering", lambda: gateway)
    return gateway
