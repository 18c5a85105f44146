"""Stage ocr: a range of scanned pages becomes text."""

from functools import partial
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.config import settings
from quadrille.ingest.ocr import ocr
from quadrille.ingest.reading import Limits, recognise
from quadrille.ingest.stage import Stage
from quadrille.messages import OcrRange

logger = Logger()


def work(message: OcrRange) -> None:
    here = settings()
    limits = Limits.of(here)
    ocr(
        message,
        documents=clients.documents(),
        blobs=clients.blobs(),
        engine=partial(recognise, languages=here.ocr_languages, limits=limits),
        chunk=clients.queue(here.chunk_queue_url),
        limits=limits,
    )


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    stage = Stage(clients.queue(settings().ocr_queue_url), OcrRange, work, clients.documents())
    return stage.run(event, context)
