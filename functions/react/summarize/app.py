"""Consumer summarize: SummaryRequested gives a document a summary, paid for once."""

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
from quadrille.react.requesting import summarize

logger = Logger()


def work(envelope: Envelope, *, ends_at: float) -> None:
    payer = Payer(
        tenant=envelope.tenant,
        subject=envelope.subject,
        deadline=time.time() + settings().summary_seconds,
        ends_at=ends_at,
    )
    summarize(envelope, payer, documents=clients.documents(), blobs=clients.blobs(), models=clients.models())


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    ends_at = time.time() + context.get_remaining_time_in_millis() / 1000
    return clients.consumer("summarize", partial(work, ends_at=ends_at)).run(event, context)
