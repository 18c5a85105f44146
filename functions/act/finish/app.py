"""State Finish: a task is completed with its result and checked evidence."""

import time
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.act.ending import finish
from quadrille.act.turns import Turn

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    finish(Turn.model_validate(event), closing=clients.closing(), now=time.time())
