"""Answers an ask of a WebSocket connection, which system/socket hands over: frames as the answer is written."""

import time
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.ask.streaming import Turn, stream

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    turn = Turn.model_validate(event)
    ends_at = time.time() + context.get_remaining_time_in_millis() / 1000
    desk, connections, sockets = clients.desk(), clients.connections(), clients.sockets()
    stream(turn, desk=desk, connections=connections, sockets=sockets, ends_at=ends_at)
    logger.info("ask_streamed", tenant=turn.tenant, request_id=turn.request_id)
