"""Stage chunk: a version's text becomes chunks, batches of them, and parts to summarize."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.config import settings
from quadrille.ingest.chunk import Next, Plan, chunk
from quadrille.ingest.stage import Stage
from quadrille.messages import DocumentVersion

logger = Logger()


def work(version: DocumentVersion) -> None:
    here = settings()
    chunk(
        version,
        documents=clients.documents(),
        blobs=clients.blobs(),
        plan=Plan(clients.collections(), clients.estimator(), clients.embedding()),
        queues=Next(
            embed=clients.queue(here.embed_queue_url),
            summarize=clients.queue(here.summarize_queue_url),
            index=clients.queue(here.index_queue_url),
        ),
    )


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    stage = Stage(clients.queue(settings().chunk_queue_url), DocumentVersion, work, clients.documents())
    return stage.run(event, context)
