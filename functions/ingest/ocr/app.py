"""Stage ocr: a range of scanned pages becomes text."""

import time
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.config import settings
from quadrille.ingest.engines import tesseract, textract
from quadrille.ingest.ocr import ocr
from quadrille.ingest.reading import Limits
from quadrille.ingest.stage import Stage
from quadrille.messages import OcrRange

logger = Logger()

_LAST_SECONDS = 10  # of a message, kept for what is paid to be stored


def work(message: OcrRange, *, ends_at: float) -> None:
    here = settings()
    limits = Limits.of(here)
    if here.ocr_engine == "textract":
        deadline = ends_at - _LAST_SECONDS
        engine = textract(clients.textract(), message, limits=limits, deadline=deadline, ends_at=ends_at)
    else:
        engine = tesseract(languages=here.ocr_languages, limits=limits)
    ocr(
        message,
        documents=clients.documents(),
        blobs=clients.blobs(),
        engine=engine,
        chunk=clients.queue(here.chunk_queue_url),
        limits=limits,
    )


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    ends_at = time.time() + context.get_remaining_time_in_millis() / 1000
    queue = clients.queue(settings().ocr_queue_url)
    stage = Stage(queue, OcrRange, partial(work, ends_at=ends_at), clients.documents())
    return stage.run(event, context)
