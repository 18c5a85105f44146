"""The WebSocket API's shape: the frames that come, the frames that go, and what is done with what is not one.

A frame that comes is a JSON object with an `action` and an `id` of the client's choice, which every frame that answers
it carries. One that cannot be done is answered by an `error` frame; the connection stays open.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from pydantic import StringConstraints, ValidationError

from quadrille.config import settings
from quadrille.connections import Connection, Connections
from quadrille.errors import Abandoned, Invalid, QuadrilleError, TooLarge
from quadrille.http import Body, principal
from quadrille.keys import Keys, Principal
from quadrille.problems import FieldError, Problem
from quadrille.sockets import Sockets

logger = Logger()

Id = Annotated[str, StringConstraints(max_length=64)]


class Frame(Body):
    """What comes over a connection."""

    action: str
    id: Id = ""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a frame, over which connection, and the gateway's id of it."""

    who: Principal
    connection: Connection
    request_id: str


@dataclass(frozen=True, slots=True)
class Reception:
    """Takes what comes over the connections. `kinds` are the frames by their action; `act` does what one says."""

    kinds: Mapping[str, type[Frame]]
    act: Callable[[Any, Sender], None]
    connections: Connections
    keys: Keys
    sockets: Sockets

    def serve(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Take one event of the gateway. What is answered goes over the connection, not back through the gateway."""
        here = event["requestContext"]
        match here["eventType"]:
            case "CONNECT":
                self.connections.open(here["connectionId"], principal(event))
            case "DISCONNECT":
                self.connections.close(here["connectionId"])
            case _:
                self._take(event.get("body") or "", here["connectionId"], here["requestId"])
        return {"statusCode": 200}

    def _take(self, body: str, connection_id: str, request_id: str) -> None:
        fields: dict[str, Any] = {}
        try:
            fields = _fields(body)
            frame = self._kind(fields).model_validate(fields)
            connection = self.connections.find(connection_id)
            self.act(frame, Sender(self.keys.holder(connection.key_id), connection, request_id))
        except Abandoned:
            logger.info("connection_gone")
        except Exception as error:  # noqa: BLE001  whatever it is, the client gets an error frame and the log the cause
            self._tell(connection_id, failure(error, id=fields.get("id"), request_id=request_id))

    def _kind(self, fields: Mapping[str, Any]) -> type[Frame]:
        action = fields.get("action")
        if not isinstance(action, str) or action not in self.kinds:
            raise Invalid("action", f"must be one of {', '.join(self.kinds)}")
        return self.kinds[action]

    def _tell(self, connection_id: str, frame: Mapping[str, Any]) -> None:
        try:
            self.sockets.post(connection_id, frame)
        except QuadrilleError as error:
            logger.info("error_not_told", reason=str(error))


def failure(error: Exception, *, id: object, request_id: str) -> dict[str, Any]:
    """An `error` frame: the problem document, its type as `problem`. What is no error of ours is logged."""
    match error:
        case ValidationError():
            found = [FieldError(field=".".join(map(str, at["loc"])), message=at["msg"]) for at in error.errors()]
            problem = Problem.malformed(found, request_id)
        case QuadrilleError():
            problem = Problem.of(error, request_id)
        case _:
            logger.exception("frame_failed", exc_info=error)
            problem = Problem.internal(request_id)
    document = problem.model_dump(exclude_unset=True)
    return {**document, "problem": problem.type, "type": "error", "id": id if isinstance(id, str) else ""}


def _fields(body: str) -> dict[str, Any]:
    """The JSON object a frame is. Raises `TooLarge` and `Invalid`."""
    size, limit = len(body.encode("utf-8", "surrogatepass")), settings().max_request_bytes
    if size > limit:
        raise TooLarge(f"The frame has {size} bytes; the limit is {limit}.")
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        raise Invalid("frame", "is not JSON, or nests or counts too deep") from None
    if not isinstance(fields, dict):
        raise Invalid("frame", "must be a JSON object")
    return fields
