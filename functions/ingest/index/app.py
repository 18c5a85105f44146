"""Stage index: a version whose batches are all embedded becomes searchable."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.config import settings
from quadrille.ingest.index import index
from quadrille.ingest.stage import Stage
from quadrille.messages import DocumentVersion

logger = Logger()


def work(version: DocumentVersion) -> None:
    here = settings()
    index(
        version,
        documents=clients.documents(),
        blobs=clients.blobs(),
        vectors=clients.vectors(),
        embed=clients.queue(here.embed_queue_url),
        per_request=here.upsert_batch,
        per_batch=here.embed_batch,
        embedding=clients.embedding(),
        dimensions=here.embedding_dimensions,
    )


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    stage = Stage(clients.queue(settings().index_queue_url), DocumentVersion, work, clients.documents())
    return stage.run(event, context)
