"""Stage embed: a batch of chunks becomes vectors, paid for once."""

import time
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


def work(batch: EmbeddingBatch) -> None:
    here = settings()
    embed(
        batch,
        documents=clients.documents(),
        blobs=clients.blobs(),
        models=clients.models(),
        index=clients.queue(here.index_queue_url),
        deadline=time.time() + here.embed_seconds,
    )


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    stage = Stage(clients.queue(settings().embed_queue_url), EmbeddingBatch, work, clients.documents())
    return stage.run(event, context)
