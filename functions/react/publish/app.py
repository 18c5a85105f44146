"""Publishes what the rows of the tables emit: the only function that puts events on the bus."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.react.publishing import publish

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    published = publish(event["Records"], bus=clients.bus(), journal=clients.journal())
    logger.info("events_published", ids=[envelope.id for envelope in published])
