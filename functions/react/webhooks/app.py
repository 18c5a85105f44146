"""POST /webhooks/{source_id}: what the desks of others send. There is no key; the source's secret signs the body."""

import time
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.react.adapters import Payload
from quadrille.react.models import Delivered
from quadrille.react.webhooks import SignedApi, deliver

logger = Logger()
api = SignedApi(clients.sources, time.time)


@api.post("/webhooks/<source_id>", status_code=202)
def receive(source_id: str, payload: Annotated[Payload, Body()]) -> tuple[Delivered, int]:
    """Take a delivery: a ticket, or what a customer adds to one. The same again changes nothing."""
    tickets, deliveries, outbox = clients.tickets(), clients.deliveries(), clients.outbox()
    delivered = deliver(api.signed, payload, tickets=tickets, deliveries=deliveries, outbox=outbox)
    logger.info("delivery_taken", source_id=source_id, id=delivered.id, status=delivered.status)
    return delivered, 202


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return api.serve(event, context)
