"""The WebSocket API: connections open and close, and frames say what is to be done."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.ask.streaming import AskFrame, CancelFrame, ask, cancel
from quadrille.config import settings
from quadrille.frames import Frame, Reception, Sender
from quadrille.react.drafting import ask_draft
from quadrille.react.replies import DraftFrame
from quadrille.watching import WatchFrame, watch

logger = Logger()
KINDS: dict[str, type[Frame]] = {
    "ask": AskFrame,
    "draft": DraftFrame,
    "cancel": CancelFrame,
    "watch": WatchFrame,
}


def act(frame: Frame, sender: Sender) -> None:
    here, connections = settings(), clients.connections()
    match frame:
        case AskFrame():
            answering, limit = clients.answering(), here.asks_per_connection
            ask(frame, sender, connections=connections, answering=answering, limit=limit)
        case DraftFrame():
            answering, limit = clients.answering(), here.asks_per_connection
            ask_draft(frame, sender, connections=connections, answering=answering, limit=limit)
        case CancelFrame():
            cancel(frame, sender, connections=connections)
        case WatchFrame():
            seconds, limit = here.watch_seconds, here.watches_per_connection
            watch(frame, sender, window=clients.window(), seconds=seconds, limit=limit)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    answer = Reception(KINDS, act, clients.connections(), clients.keys(), clients.sockets()).serve(event)
    logger.info("frame_taken", route=event["requestContext"]["routeKey"])
    return answer
