"""Stage erase: what was made of a deleted document goes."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.config import settings
from quadrille.ingest.erase import erase
from quadrille.ingest.stage import Stage
from quadrille.messages import Erasure

logger = Logger()


def work(message: Erasure) -> None:
    here = settings()
    erase(
        message,
        documents=clients.documents(),
        blobs=clients.blobs(),
        vectors=clients.vectors(),
        made=clients.made(),
        answers=clients.answers(),
        conversations=clients.conversations(),
        again=clients.queue(here.erase_queue_url),
        late_seconds=here.late_erasure_seconds,
    )


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    stage = Stage(clients.queue(settings().erase_queue_url), Erasure, work, clients.documents())
    return stage.run(event, context)
