"""What every reader of a queue shares: messages are taken one by one, so that a bad one harms no other of its batch.

A message that failed is tried again after a growing pause; after its last receive it lies in the dead-letter queue.
"""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from quadrille.errors import NotYet, QuadrilleError, RetryLater
from quadrille.queues import Queue

logger = Logger()

_FIRST_PAUSE = 5  # seconds; doubled at each receive
_LONGEST_PAUSE = 900


class Receiver(BatchProcessor):
    """Powertools' batch processor, with a pause before the next receive and a word after the last one.

    `give_up` is called with a message that was received `receives` times, and why it failed.
    """

    def __init__(self, queue: Queue, give_up: Callable[[SQSRecord, BaseException], None], *, receives: int) -> None:
        super().__init__(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        self.queue = queue
        self.give_up = give_up
        self.receives = receives
        self.pauses: list[tuple[str, int]] = []

    def run(
        self, event: dict[str, Any], take: Callable[[SQSRecord], None], context: LambdaContext
    ) -> PartialItemFailureResponse:
        """Take each message of one event; those that failed are named in the answer and stay in the queue."""
        try:
            return process_partial_response(event, take, self, context)
        finally:
            self.queue.postpone_all(self.pauses)

    def failure_handler(self, record: SQSRecord, exception: Any) -> Any:
        """Let a message come again, later each time; with the last receive it is given up."""
        receives = int(record.attributes.approximate_receive_count)
        error = exception[1]
        if isinstance(error, NotYet):
            self.pauses.append((record.receipt_handle, int(error.seconds)))
            return super().failure_handler(record, exception)
        trace = None if isinstance(error, RetryLater) else exception
        logger.warning(
            "message_failed", message_id=record.message_id, receives=receives, reason=str(error), exc_info=trace
        )
        pause = 0.0  # after the last receive: at once into the dead-letter queue
        if receives >= self.receives:
            self._give_up(record, error)
        else:
            asked = error.seconds if isinstance(error, RetryLater) else 0
            pause = max(asked, _FIRST_PAUSE * 2 ** (receives - 1))
        self.pauses.append((record.receipt_handle, min(_LONGEST_PAUSE, int(pause))))
        return super().failure_handler(record, exception)

    def _give_up(self, record: SQSRecord, error: BaseException) -> None:
        """That this fails, too, must not harm the batch."""
        try:
            self.give_up(record, error)
        except (QuadrilleError, ValidationError, ClientError, BotoCoreError):
            logger.warning("message_abandoned_silently", message_id=record.message_id, exc_info=True)
