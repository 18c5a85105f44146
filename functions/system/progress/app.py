"""Shows changes of documents and tasks to the WebSocket connections that watch them."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.watching import push

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    sent = push(event["Records"], window=clients.window())
    logger.info("progress_shown", records=len(event["Records"]), frames=sent)
