"""Stage extract: an object created under uploads/ becomes text."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.config import settings
from quadrille.ingest.extract import Scans, extract
from quadrille.ingest.reading import Limits
from quadrille.ingest.stage import Stage
from quadrille.messages import ObjectCreated

logger = Logger()


def work(event: ObjectCreated) -> None:
    here = settings()
    extract(
        event,
        documents=clients.documents(),
        blobs=clients.blobs(),
        chunk=clients.queue(here.chunk_queue_url),
        scans=Scans(
            queue=clients.queue(here.ocr_queue_url),
            pages=here.ocr_pages,
            estimator=clients.estimator(),
            collections=clients.collections(),
        ),
        max_bytes=here.max_document_bytes,
        limits=Limits.of(here),
    )


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    stage = Stage(clients.queue(settings().extract_queue_url), ObjectCreated, work, clients.documents())
    return stage.run(event, context)
