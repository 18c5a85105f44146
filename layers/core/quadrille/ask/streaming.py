"""Asking over a WebSocket: the same answer as over HTTP, its text as it is written.

A frame that asks for a text is handed to a function of its own, as a turn of its kind. That is not bound by the
gateway's 29 seconds and answers with the frames `token`, `citations` and `done`, or `error`, or `cancelled`.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from quadrille.ask.answer import Desk, answer
from quadrille.ask.models import AskRequest
from quadrille.background import Background
from quadrille.calls import Payer
from quadrille.connections import Connections
from quadrille.errors import Abandoned, Busy, Invalid
from quadrille.frames import Frame, Sender, failure
from quadrille.llm import Emit
from quadrille.messages import Message
from quadrille.receipts import Receipt
from quadrille.sockets import Sockets

_LOOK = 0.25  # seconds between two looks whether the answer is still wanted
_AFTER_REPLY = 5.0  # seconds kept back to record what was paid and to send the last frames
_TEXT = 16_000  # characters of one token frame
_CITATIONS = 16  # of one frame


class AskFrame(AskRequest, Frame):
    """`ask`: a question, as `POST /ask` takes it."""

    action: Literal["ask"]

    def request(self) -> AskRequest:
        """The question alone."""
        return AskRequest.model_validate(self.model_dump(exclude_unset=True, exclude={"action", "id"}))


class CancelFrame(Frame):
    """`cancel`: the answer to the ask of this id is not wanted any more."""

    action: Literal["cancel"]


class Turn(Message):
    """What is handed over: a text that somebody waits for. What text that is, its kind says."""

    connection_id: str
    id: str
    request_id: str
    tenant: str


class AskTurn(Turn):
    """An ask that is handed over."""

    kind: Literal["ask"] = "ask"
    request: AskRequest


@dataclass(frozen=True, slots=True)
class Spoken:
    """A text that was written, and the whole of what its last frame has: its `citations` among it."""

    text: str
    whole: Mapping[str, Any]


def ask(frame: AskFrame, sender: Sender, *, connections: Connections, answering: Background, limit: int) -> None:
    """Hand an ask over. Raises `Forbidden`, and as `hand_over`."""
    sender.who.require("ask")
    turn = AskTurn(
        connection_id=sender.connection.id,
        id=frame.id,
        request_id=sender.request_id,
        tenant=sender.who.tenant,
        request=frame.request(),
    )
    hand_over(turn, sender, connections=connections, answering=answering, limit=limit)


def hand_over(turn: Turn, sender: Sender, *, connections: Connections, answering: Background, limit: int) -> None:
    """Let a turn be taken. A connection may have `limit` of them under way. Raises `Invalid`."""
    if sender.connection.asks >= limit:
        raise Invalid("action", f"{limit} asks are under way on this connection; wait for one, or cancel it")
    connections.ask(turn.connection_id, turn.id, turn=turn.request_id)
    try:
        answering.start(turn)
    except Exception:
        connections.end(turn.connection_id, turn.id, turn=turn.request_id)
        raise


def cancel(frame: CancelFrame, sender: Sender, *, connections: Connections) -> None:
    """End an ask. Raises `NotFound` if it is not under way."""
    connections.cancel(sender.connection.id, frame.id)


def speak_answer(turn: AskTurn, payer: Payer, emit: Emit, *, desk: Desk) -> Spoken:
    """The answer to an ask. Raises as `answer`."""
    identity = turn.request_id if turn.request.cache == "off" else ""
    payer = replace(payer, max_cost=turn.request.max_cost_usd, identity=identity)
    response = answer(turn.request, payer, desk=desk, emit=emit)
    return Spoken(response.answer, response.model_dump(mode="json"))


def stream(
    turn: Turn,
    speak: Callable[[Payer, Emit], Spoken],
    *,
    connections: Connections,
    sockets: Sockets,
    ends_at: float,
) -> None:
    """Send over the connection what `speak` writes; once, however often the turn is handed over."""
    if not connections.begin(turn.connection_id, turn.id, turn=turn.request_id):
        return
    line = Line(turn, connections, sockets, ends_at=ends_at)
    subject, deadline = f"answers/{turn.request_id}", ends_at - _AFTER_REPLY
    payer = Payer(tenant=turn.tenant, subject=subject, deadline=deadline, ends_at=ends_at)
    try:
        line.finish(speak(payer, line))
    except Abandoned as error:
        line.close(line.frame("cancelled", receipt=(error.receipt or Receipt()).public()))
    except Exception as error:  # noqa: BLE001  whatever it is, the client gets an error frame and the log the cause
        line.close(failure(error, id=turn.id, request_id=turn.request_id))
    finally:
        connections.end(turn.connection_id, turn.id, turn=turn.request_id)


@dataclass(slots=True)
class Line:
    """Takes the pieces of one text and sends them. It raises `Abandoned` if nobody wants the rest."""

    turn: Turn
    connections: Connections
    sockets: Sockets
    ends_at: float
    now: Callable[[], float] = field(default=time.time)
    sleep: Callable[[float], None] = field(default=time.sleep)
    waiting: str = ""
    said: str = ""
    looked_at: float = 0.0

    def __call__(self, piece: str) -> None:
        """Send a piece, or "". What the gateway throttles is sent with a later one."""
        if self.now() - self.looked_at >= _LOOK:
            self.looked_at = self.now()
            if not self.connections.wants(self.turn.connection_id, self.turn.id, turn=self.turn.request_id):
                raise Abandoned("The ask was cancelled, or its connection closed.")
        self.waiting += piece
        if self.waiting:
            with suppress(Busy):
                self._post(self.frame("token", text=self.waiting))
                self.said, self.waiting = self.said + self.waiting, ""

    def frame(self, kind: str, **fields: Any) -> dict[str, Any]:
        """A frame of this answer."""
        return {"type": kind, "id": self.turn.id, **fields}

    def finish(self, spoken: Spoken) -> None:
        """Send what is left of the text, its citations, and all of it. Raises `TooLarge`."""
        rest = spoken.text[len(self.said) :] if spoken.text.startswith(self.said) else ""
        for start in range(0, len(rest), _TEXT):
            self._send(self.frame("token", text=rest[start : start + _TEXT]))
        citations = spoken.whole["citations"]
        for start in range(0, max(1, len(citations)), _CITATIONS):
            self._send(self.frame("citations", citations=citations[start : start + _CITATIONS]))
        self._send(self.frame("done", **spoken.whole))

    def close(self, frame: Mapping[str, Any]) -> None:
        """Send the last frame, if there is still somebody to get it."""
        with suppress(Abandoned):
            self._send(frame)

    def _send(self, frame: Mapping[str, Any]) -> None:
        """Post what must arrive, and again while the gateway throttles and time is left."""
        while True:
            try:
                return self._post(frame)
            except Busy as busy:
                if self.now() + busy.seconds > self.ends_at:
                    raise Abandoned("The gateway throttled until time was up.") from busy
                self.sleep(busy.seconds)

    def _post(self, frame: Mapping[str, Any]) -> None:
        self.sockets.post(self.turn.connection_id, frame)
