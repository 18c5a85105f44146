"""State Think: the model decides on the next step of a task, paid for once."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.act.paying import payer_of
from quadrille.act.think import Mind, think
from quadrille.act.turns import Turn

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    turn = Turn.model_validate(event)
    mind = Mind(clients.tasks(), clients.steps(), clients.models(), clients.costs(), clients.tools)
    going = think(turn, payer_of(turn, context), mind=mind)
    logger.info("step_decided", task_id=turn.task_id, step=going.step, next=going.next, reason=going.reason)
    return going.model_dump()
