"""Takes a turn of a WebSocket connection, which system/socket hands over: frames as an answer or a draft is written."""

import time
from functools import partial
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import Field, TypeAdapter

from quadrille import clients
from quadrille.ask.streaming import AskTurn, Spoken, speak_answer, stream
from quadrille.calls import Payer
from quadrille.llm import Emit
from quadrille.react.drafting import DraftTurn, speak_draft

logger = Logger()
Turns = TypeAdapter[AskTurn | DraftTurn](Annotated[AskTurn | DraftTurn, Field(discriminator="kind")])


def speak(turn: AskTurn | DraftTurn, payer: Payer, emit: Emit) -> Spoken:
    match turn:
        case AskTurn():
            return speak_answer(turn, payer, emit, desk=clients.desk())
        case DraftTurn():
            return speak_draft(turn, payer, emit, bureau=clients.bureau())


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    turn = Turns.validate_python(event)
    ends_at = time.time() + context.get_remaining_time_in_millis() / 1000
    connections, sockets = clients.connections(), clients.sockets()
    stream(turn, partial(speak, turn), connections=connections, sockets=sockets, ends_at=ends_at)
    logger.info("turn_taken", kind=turn.kind, tenant=turn.tenant, request_id=turn.request_id)
