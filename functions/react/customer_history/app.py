"""Consumer customer_history: TicketCreated learns what its customer wrote before."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.events import Envelope
from quadrille.react.enriching import look_back, miss

logger = Logger()


def work(envelope: Envelope) -> None:
    look_back(envelope, desk=clients.enricher())


def give_up(envelope: Envelope, reason: str) -> None:
    miss("history", envelope, reason, desk=clients.enricher())


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return clients.consumer("customer_history", work, give_up).run(event, context)
