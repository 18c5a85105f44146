"""State WaitForApproval: people are asked about the calls of a step; their decision ends the state."""

import time
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.act.approvals import wait
from quadrille.act.turns import Turn

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    turn = Turn.model_validate(event["turn"])
    wait(turn, event["token"], desk=clients.approval_desk(), now=time.time())
    logger.info("approval_asked", task_id=turn.task_id, step=turn.step)
