"""What every stage shares: messages are taken one by one, so that a bad one harms no other of its batch.

What no retry cures ends as the document's status. A budget that is used up, a rate limit and a provider that is down
make the message wait without burning a receive. Anything else is tried again after a growing pause; after the last
receive the document says so and the message lies in the dead-letter queue.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from quadrille.config import settings
from quadrille.documents import Documents, Place
from quadrille.errors import (
    BudgetExceeded,
    Busy,
    Invalid,
    ProviderRefused,
    QuadrilleError,
    ResultLost,
    Unanswered,
    UnknownPrice,
)
from quadrille.messages import DocumentVersion, ObjectCreated
from quadrille.queues import Queue
from quadrille.receiving import Receiver

logger = Logger()

_FINAL = (ProviderRefused, ResultLost, Unanswered, UnknownPrice)
_LONGEST_PAUSE = 900

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Stage(Generic[M]):
    """A stage's queue, the model of its messages, what it does with one, and how it finds the document of one."""

    queue: Queue
    model: type[M]
    work: Callable[[M], None]
    documents: Documents

    def run(self, event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
        """Work on the messages of one event; those that failed are named in the answer and stay in the queue."""
        return Receiver(self.queue, self._give_up, receives=settings().max_receives).run(event, self._take, context)

    def _give_up(self, record: SQSRecord, error: BaseException) -> None:
        """Let the document say that its message was set aside."""
        message = self.model.model_validate_json(record.body)
        cause = str(error) if isinstance(error, QuadrilleError) else "the log says why"
        self.abandon(message, f"It failed {settings().max_receives} times and was set aside: {cause}")

    def _take(self, record: SQSRecord) -> None:
        message = self.model.model_validate_json(record.body)
        try:
            self.work(message)
        except BudgetExceeded as error:
            self._wait(message, error)
        except Busy as error:
            self._postpone(message, error)
        except _FINAL as error:
            self.abandon(message, str(error))

    def _wait(self, message: M, error: BudgetExceeded) -> None:
        """Let the document say that it waits for the budget, and look again later: it renews, or somebody raises it."""
        version = self._version(message)
        if version and self.documents.wait(version, str(error)):
            self.queue.send(message, delay=settings().budget_recheck_seconds)
            logger.info("document_waits_for_budget", document_id=version.document_id, scope=error.scope)

    def _postpone(self, message: M, error: Busy) -> None:
        """Take the message again later. Nothing was tried, so this is no receive that failed."""
        version = self._version(message)
        if version:
            self.documents.explain(version, str(error))
        self.queue.send(message, delay=min(_LONGEST_PAUSE, math.ceil(error.seconds)))
        logger.info("message_postponed", seconds=error.seconds, reason=str(error))

    def abandon(self, message: M, reason: str) -> None:
        """End the message's document as failed."""
        version = self._version(message)
        if version:
            self.documents.fail(version, reason)
            logger.error("document_failed", document_id=version.document_id, version=version.version, reason=reason)

    def _version(self, message: BaseModel) -> DocumentVersion | None:
        match message:
            case DocumentVersion():
                return message.of_version()
            case ObjectCreated():
                return self._version_of(message.detail.object.key)
        return None

    def _version_of(self, key: str) -> DocumentVersion | None:
        try:
            place = Place.of(key)
        except Invalid:
            return None
        return self.documents.version(place.tenant, place.document_id)
