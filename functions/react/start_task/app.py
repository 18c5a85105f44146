"""Consumer start_task: TaskRequested starts a task."""

import time
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.events import Envelope
from quadrille.react.requesting import start_task

logger = Logger()


def work(envelope: Envelope) -> None:
    start_task(envelope, tools=clients.tools(), office=clients.office(), now=time.time())


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return clients.consumer("start_task", work).run(event, context)
