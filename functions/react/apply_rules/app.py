"""Consumer apply_rules: whatever happened, the tenant's rules say what to do about it."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.events import Envelope
from quadrille.react.ruling import CONSUMER, apply

logger = Logger()


def work(envelope: Envelope) -> None:
    applied = apply(envelope, rules=clients.rules(), outbox=clients.outbox())
    if applied:
        logger.info("rules_applied", event_id=envelope.id, rules=applied)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return clients.consumer(CONSUMER, work).run(event, context)
