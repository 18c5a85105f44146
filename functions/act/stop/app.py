"""State Stop: a task ends before it is done, with the best answer there is; also where its execution failed."""

import time
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.act.ending import stop
from quadrille.act.paying import payer_of
from quadrille.act.turns import Turn

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    turn = Turn.of(event)
    stop(turn, payer_of(turn, context), closing=clients.closing(), now=time.time())
