"""State Compact: what the model sees of a task is made shorter."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.act.compact import compact
from quadrille.act.paying import payer_of
from quadrille.act.turns import Turn

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    turn = Turn.model_validate(event)
    payer = payer_of(turn, context)
    going = compact(turn, payer, tasks=clients.tasks(), steps=clients.steps(), models=clients.models())
    logger.info("transcript_compacted", task_id=turn.task_id, step=turn.step)
    return going.model_dump()
