"""Stage embed: a batch of chunks becomes vectors, paid for once."""

import time
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.config import settings
from quadrille.ingest.embed import embed
from quadrille.ingest.stage import Stage
from quadrille.messages import EmbeddingBatch

logger = Logger()


def work(batch: EmbeddingBatch, *, ends_at: float) -> None:
    here = settings()
    embed(
        batch,
        documents=clients.documents(),
        blobs=clients.blobs(),
        models=clients.models(),
        inference=clients.inference(),
        index=clients.queue(here.index_queue_url),
        deadline=time.time() + here.embed_seconds,
        ends_at=ends_at,
    )


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    ends_at = time.time() + context.get_remaining_time_in_millis() / 1000
    queue = clients.queue(settings().embed_queue_url)
    stage = Stage(queue, EmbeddingBatch, partial(work, ends_at=ends_at), clients.documents())
    return stage.run(event, context)
