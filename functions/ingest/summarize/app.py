"""Stage summarize: a part of a long text becomes a part of its summary, paid for once."""

import time
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.config import settings
from quadrille.ingest.stage import Stage
from quadrille.ingest.summarize import summarize
from quadrille.messages import SummaryPart

logger = Logger()


def work(part: SummaryPart, *, ends_at: float) -> None:
    here = settings()
    summarize(
        part,
        documents=clients.documents(),
        blobs=clients.blobs(),
        models=clients.models(),
        queue=clients.queue(here.summarize_queue_url),
        index=clients.queue(here.index_queue_url),
        limit=here.summary_tokens,
        deadline=time.time() + here.summary_seconds,
        ends_at=ends_at,
    )


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    ends_at = time.time() + context.get_remaining_time_in_millis() / 1000
    queue = clients.queue(settings().summarize_queue_url)
    stage = Stage(queue, SummaryPart, partial(work, ends_at=ends_at), clients.documents())
    return stage.run(event, context)
