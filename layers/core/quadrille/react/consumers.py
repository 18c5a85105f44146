"""What every consumer of the bus shares: each event once, at its tenant's pace, and nothing lost.

An event that was done is not done again, however often it is delivered or replayed. One whose tenant has had its turns
comes again when its turn comes. A budget that is used up and a provider that is down make it wait, without burning a
receive. One that nobody here can read, or that came by too many others, is parked and counted. What no retry cures is
given up; anything else is tried again, and after the last receive lies in the dead-letter queue.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import IdempotencyConfig, idempotent_function
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyAlreadyInProgressError
from aws_lambda_powertools.utilities.idempotency.persistence.base import BasePersistenceLayer
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from quadrille.config import settings
from quadrille.errors import (
    BudgetExceeded,
    Busy,
    NotYet,
    Parked,
    ProviderRefused,
    QuadrilleError,
    ResultLost,
    Unanswered,
    UnknownPrice,
    Unusable,
)
from quadrille.events import Envelope
from quadrille.failures import Failures
from quadrille.metrics import count_parked
from quadrille.outbox import Outbox
from quadrille.pace import Pace
from quadrille.queues import Queue
from quadrille.receiving import Receiver

logger = Logger()

_FINAL = (ProviderRefused, ResultLost, Unanswered, UnknownPrice, Unusable)
_LONGEST_DELAY = 900
_DAY = 86_400


class Delivery(BaseModel):
    """An EventBridge event as its rule puts it into a queue; fields we do not use are ignored."""

    model_config = ConfigDict(frozen=True, validate_by_name=True)

    source: str
    detail_type: str = Field(alias="detail-type")
    detail: Envelope


@dataclass(frozen=True, slots=True)
class Consumer:
    """One consumer: its name, its queue, what it does with an event, and what it notes of one it has to give up."""

    name: str
    queue: Queue
    done: BasePersistenceLayer
    pace: Pace
    outbox: Outbox
    failures: Failures
    work: Callable[[Envelope], None]
    give_up: Callable[[Envelope, str], None] = lambda _envelope, _reason: None

    def run(self, event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
        """Take the messages of one event; those that failed are named in the answer and stay in the queue."""
        config = remembering(context)
        once = idempotent_function(
            self._work, data_keyword_argument="id_", persistence_store=self.done, config=config, key_prefix=self.name
        )
        receiver = Receiver(self.queue, self._set_aside, receives=settings().max_event_receives)
        groups = sorted(_by_tenant(event["Records"]).items(), key=lambda group: len(group[1]))  # a flood comes last
        waits = {id_: wait for tenant, records in groups for id_, wait in self._book(tenant, records)}
        fair = {"Records": [record for _, records in groups for record in records]}
        return receiver.run(fair, lambda record: self._take(record, waits.get(record.message_id, 0), once), context)

    def _take(self, record: SQSRecord, wait: float, once: Callable[..., None]) -> None:
        """Raises `NotYet` if the event's tenant has had its turns; the message then comes with its own."""
        delivery = Delivery.model_validate_json(record.body)
        envelope = delivery.detail
        if wait >= 1:
            raise NotYet("The tenant's turn comes later.", seconds=min(_LONGEST_DELAY * 48, math.ceil(wait)))
        try:
            once(id_=envelope.id, envelope=envelope)
        except Parked as error:
            self._park(envelope, str(error))
        except BudgetExceeded as error:
            if error.scope == "request":  # the limit of one call: it never renews
                self.give_up(envelope, str(error))
            else:
                self._later(delivery, settings().budget_recheck_seconds, error)
        except Busy as error:
            self._later(delivery, error.seconds, error)
        except IdempotencyAlreadyInProgressError as error:
            raise NotYet("Another worker has this event.", seconds=settings().event_seconds) from error
        except _FINAL as error:
            self.give_up(envelope, str(error))

    def _work(self, *, id_: str, envelope: Envelope) -> None:
        if envelope.hops > settings().max_hops:
            raise Parked(f"It came by {envelope.hops} others; the limit is {settings().max_hops}.")
        self.work(envelope)
        logger.info("event_consumed", consumer=self.name, event_id=id_, type=envelope.type, tenant=envelope.tenant)

    def _book(self, tenant: str, records: list[dict[str, Any]]) -> Iterator[tuple[str, float]]:
        """Book turns for what came for the first time: each message's id, and the seconds until its turn.

        So a flood is moved out of the way by two requests for a batch of it.
        """
        new = [each["messageId"] for each in records if each["attributes"]["ApproximateReceiveCount"] == "1"]
        if not (tenant and new):
            return
        try:
            waits = self.pace.book(self.name, tenant, len(new))
        except Busy as error:
            waits = [error.seconds] * len(new)
        if waits[-1] >= 1:
            logger.info("turns_booked", consumer=self.name, tenant=tenant, events=len(new), last_in_seconds=waits[-1])
        yield from zip(new, waits, strict=True)

    def _later(self, delivery: Delivery, seconds: float, error: QuadrilleError) -> None:
        """Take the event again later. Nothing was tried, so this is no receive that failed."""
        self.queue.send(delivery, delay=min(_LONGEST_DELAY, math.ceil(seconds)))
        logger.info("event_postponed", consumer=self.name, event_id=delivery.detail.id, reason=str(error))

    def _park(self, envelope: Envelope, reason: str) -> None:
        if self.outbox.park(envelope, reason, by=self.name):
            count_parked(self.name, envelope.type)
        logger.warning("event_parked", consumer=self.name, event_id=envelope.id, reason=reason)

    def _set_aside(self, record: SQSRecord, error: BaseException) -> None:
        cause = str(error) if isinstance(error, QuadrilleError) else "the log says why"
        envelope = Delivery.model_validate_json(record.body).detail
        reason = f"It failed {settings().max_event_receives} times and was set aside: {cause}"
        try:
            self.give_up(envelope, reason)
        finally:
            self.failures.note(self.name, envelope.id, reason)


def _by_tenant(records: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The messages of each tenant; those that cannot be read, which fail by themselves later, are nobody's."""
    found: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        tenant = ""
        with suppress(ValidationError):
            tenant = Delivery.model_validate_json(record["body"]).detail.tenant
        found.setdefault(tenant, []).append(record)
    return found


def remembering(context: LambdaContext | None = None) -> IdempotencyConfig:
    """How long it is remembered what was done: as long as the event itself."""
    return IdempotencyConfig(expires_after_seconds=settings().event_days * _DAY, lambda_context=context)
