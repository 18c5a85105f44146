"""The gate every request to a provider passes: a circuit that opens when the provider is down, and its rate limit.

Both are shared by all functions through the ledger table, so a thousand documents become a queue and not a storm of
refusals.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, TypeVar

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.circuit_breaker import (
    CircuitBreakerConfig,
    CircuitBreakerOpenError,
    circuit_breaker,
)
from aws_lambda_powertools.utilities.circuit_breaker.persistence.base import CircuitBreakerPersistenceLayer
from botocore.exceptions import BotoCoreError, ClientError

from quadrille.config import Rate
from quadrille.errors import Busy
from quadrille.rows import Row, from_item, to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

logger = Logger()

T = TypeVar("T")

_SECOND = 1_000_000  # a cell is in microseconds: a millisecond is coarse at ten thousand requests a minute
_MINUTE = 60 * _SECOND
_BURST = 10 * _SECOND  # of the limit may be used at once
_FAILURES = 5  # in a row, of one process
_RECOVERY = 30  # seconds an open circuit waits before one request may try
_TRIES = 5
_KEPT = 86_400


@dataclass(frozen=True, slots=True)
class Gate:
    """`rates` are the limits by model, `*` for every other; a model without one is not limited."""

    table: str
    dynamodb: "DynamoDBClient"
    circuits: CircuitBreakerPersistenceLayer
    rates: Mapping[str, Rate]
    now: Callable[[], float] = field(default=time.time)
    sleep: Callable[[float], None] = field(default=time.sleep)

    def guard(self, provider: str, request: Callable[[], T], *, failures: tuple[type[Exception], ...]) -> T:
        """What `request` gives. `failures` in a row open the provider's circuit, which then raises `Busy`."""
        config = CircuitBreakerConfig(
            failure_threshold=_FAILURES,
            recovery_timeout=_RECOVERY,
            success_threshold=1,
            handled_exceptions=failures,
        )
        guarded = circuit_breaker(name=provider, persistence_store=self.circuits, config=config)(request)
        try:
            answer: T = guarded()
        except CircuitBreakerOpenError as error:
            raise Busy(f"{provider} is down; it is tried again in a while.", seconds=_RECOVERY) from error
        except (ClientError, BotoCoreError) as error:  # of the circuit's table: nothing was sent
            raise Busy("The ledger's table is throttling.") from error
        return answer

    def wait(self, model: str, *, tokens: int, patience: float) -> None:
        """Wait for one request of `tokens` to fit the rate limit. Raises `Busy` if that is over `patience` seconds.

        The generic cell rate algorithm (ITU-T I.371) on two cells, requests and tokens: a cell is the moment until
        which the limit is used up. A cell in use is added to, which never conflicts.
        """
        rate = self.rates.get(model) or self.rates.get("*")
        if rate is None:
            return
        cost = {"requests_at": ceil(_MINUTE / rate.requests), "tokens_at": ceil(tokens * _MINUTE / rate.tokens)}
        for _ in range(_TRIES):
            try:
                pause = self._book(model, cost, patience)
            except (ClientError, BotoCoreError) as error:  # the provider's own limit still holds
                logger.warning("rate_not_booked", reason=str(error))
                return
            if pause is not None:
                self.sleep(pause)
                return
        raise Busy("The rate limit is being booked by many at once.", seconds=random.uniform(1, 3))

    def hold(self, model: str, seconds: float) -> None:
        """Let everybody wait: the provider said that its limit is used up for so long."""
        until = int((self.now() + seconds) * _SECOND) + _BURST
        for cell in ("requests_at", "tokens_at"):
            self._raise(model, cell, until)

    def _raise(self, model: str, cell: str, until: int) -> None:
        """Use up one cell until a moment, if it is not used up for longer."""
        try:
            self.dynamodb.update_item(
                TableName=self.table,
                Key=to_item(_key(model)),
                UpdateExpression=f"SET {cell} = :until, expires_at = :expires",
                ConditionExpression=f"attribute_not_exists({cell}) OR {cell} < :until",
                ExpressionAttributeValues=to_item({":until": until, ":expires": int(self.now()) + _KEPT}),
            )
        except (ClientError, BotoCoreError) as error:
            logger.info("rate_not_held", cell=cell, reason=str(error))

    def _book(self, model: str, cost: Mapping[str, int], patience: float) -> float | None:
        """Book a place and give the seconds until it, or None if somebody was quicker. Raises `Busy`."""
        now = int(self.now() * _SECOND)
        last = now + _BURST + int(patience * _SECOND)
        try:
            row = self._add(model, cost, now, last)
        except self.dynamodb.exceptions.ConditionalCheckFailedException as error:
            seen = from_item(error.response.get("Item") or {})  # type: ignore[arg-type]
            begin = {name: max(now, int(seen.get(name, 0))) for name in cost}
            over = (max(begin.values()) - last) / _SECOND
            if over > 0:
                raise Busy("The rate limit of the model is used up.", seconds=over + random.uniform(1, 5)) from error
            row = {name: begin[name] + cost[name] for name in cost}
            try:
                self._set(model, row, seen, now)
            except self.dynamodb.exceptions.ConditionalCheckFailedException:
                return None
        return max(0.0, (max(int(row[name]) - cost[name] for name in cost) - now - _BURST) / _SECOND)

    def _add(self, model: str, cost: Mapping[str, int], now: int, last: int) -> Row:
        """Add to cells that are both in use and not too full."""
        values = {":now": now, ":last": last, ":expires": now // _SECOND + _KEPT}
        values |= {f":{name}": amount for name, amount in cost.items()}
        answer = self.dynamodb.update_item(
            TableName=self.table,
            Key=to_item(_key(model)),
            UpdateExpression="ADD requests_at :requests_at, tokens_at :tokens_at SET expires_at = :expires",
            ConditionExpression=" AND ".join(f"{name} BETWEEN :now AND :last" for name in cost),
            ExpressionAttributeValues=to_item(values),
            ReturnValues="UPDATED_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        return from_item(answer["Attributes"])

    def _set(self, model: str, row: Row, seen: Row, now: int) -> None:
        """Fill cells of which one at least was idle, if they are still as they were seen."""
        values = {f":{name}": amount for name, amount in row.items()} | {":expires": now // _SECOND + _KEPT}
        there = [name for name in row if name in seen]
        condition = " AND ".join(
            f"{name} = :{name}_seen" if name in there else f"attribute_not_exists({name})" for name in row
        )
        values |= {f":{name}_seen": seen[name] for name in there}
        self.dynamodb.update_item(
            TableName=self.table,
            Key=to_item(_key(model)),
            UpdateExpression="SET requests_at = :requests_at, tokens_at = :tokens_at, expires_at = :expires",
            ConditionExpression=condition,
            ExpressionAttributeValues=to_item(values),
        )


def _key(model: str) -> dict[str, str]:
    return {"pk": f"rate#{model}", "sk": model}
