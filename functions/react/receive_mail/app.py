"""Receives mail: an object created under mail/ becomes a case."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.config import settings
from quadrille.messages import ObjectCreated
from quadrille.react.mailroom import receive
from quadrille.receiving import Receiver

logger = Logger()


def take(record: SQSRecord) -> None:
    receive(ObjectCreated.model_validate_json(record.body), emails=clients.emails(), blobs=clients.blobs())


def give_up(record: SQSRecord, error: BaseException) -> None:
    logger.error("mail_set_aside", message_id=record.message_id, reason=str(error))


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    here = settings()
    receiver = Receiver(clients.queue(here.queue_url), give_up, receives=here.max_event_receives)
    return receiver.run(event, take, context)
