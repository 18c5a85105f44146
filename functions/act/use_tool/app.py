"""State UseTool: one call of a tool is made, its effect at most once."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.act.paying import payer_of
from quadrille.act.turns import CallOfTurn
from quadrille.act.use_tool import Hand, use_tool

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    call = CallOfTurn.model_validate({**event["turn"], "call": event["call"]})
    hand = Hand(clients.tasks(), clients.steps(), clients.blobs(), clients.tools, clients.workbench)
    use_tool(call, payer_of(call, context), hand=hand)
