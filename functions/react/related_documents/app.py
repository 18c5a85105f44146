"""Consumer related_documents: TicketCreated learns where the tenant's documents speak of it."""

import time
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.events import Envelope
from quadrille.react.enriching import miss, payer_of, relate

logger = Logger()


def work(envelope: Envelope, *, ends_at: float) -> None:
    payer = payer_of("documents", envelope, ends_at=ends_at)
    relate(envelope, payer, desk=clients.enricher(), retriever=clients.retriever())


def give_up(envelope: Envelope, reason: str) -> None:
    miss("documents", envelope, reason, desk=clients.enricher())


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    ends_at = time.time() + context.get_remaining_time_in_millis() / 1000
    return clients.consumer("related_documents", partial(work, ends_at=ends_at), give_up).run(event, context)
