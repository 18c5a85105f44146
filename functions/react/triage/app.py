"""Consumer triage: EmailReceived has a mail sorted, and answered by a draft."""

import time
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.calls import Payer
from quadrille.config import settings
from quadrille.events import Envelope
from quadrille.react import triage

logger = Logger()

_AFTER_REPLY = 5.0  # seconds kept back to record what was paid


def work(envelope: Envelope, *, ends_at: float) -> None:
    payer = Payer(
        tenant=envelope.tenant,
        subject=envelope.subject,
        deadline=ends_at - _AFTER_REPLY,
        ends_at=ends_at,
        inbound=True,
        max_cost=settings().case_budget_usd,
    )
    triage.triage(envelope, payer, office=clients.mail_office())


def give_up(envelope: Envelope, reason: str) -> None:
    triage.give_up(envelope, reason, office=clients.mail_office())


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    ends_at = time.time() + context.get_remaining_time_in_millis() / 1000
    return clients.consumer("triage", partial(work, ends_at=ends_at), give_up).run(event, context)
