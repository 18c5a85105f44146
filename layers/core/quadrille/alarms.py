"""The alarm of a budget: `BudgetExceeded` is published once for each budget, however often it refuses."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from quadrille.budgets import SCOPES, Budget
from quadrille.bus import Bus
from quadrille.errors import BudgetExceeded, RetryLater
from quadrille.money import dollars
from quadrille.rows import to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

logger = Logger()

_PUBLISHING = 60  # seconds until another refusal may publish what a crash kept back
_DONE = 2**40  # a moment no clock reaches


@dataclass(frozen=True, slots=True)
class Alarms:
    """Budgets that were announced are marked in their row of spending. `bus` is made when it is first needed."""

    table: str
    dynamodb: "DynamoDBClient"
    bus: Callable[[], Bus]
    now: Callable[[], float] = field(default=time.time)

    def announce(self, budget: Budget, refusal: BudgetExceeded) -> None:
        """Publish the event, unless it was. Never raises: a refusal is worth more than its announcement.

        The row is marked for a minute before and for good after, so a crash between the two delays the event and does
        not lose it.
        """
        if budget.scope not in SCOPES:
            return
        try:
            self._mark(budget, int(self.now()) + _PUBLISHING)
            self.bus().publish("BudgetExceeded", _detail(budget, refusal))
            self._mark(budget, _DONE)
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return
        except (RetryLater, ClientError, BotoCoreError):
            logger.exception("budget_not_announced")

    def _mark(self, budget: Budget, until: int) -> None:
        self.dynamodb.update_item(
            TableName=self.table,
            Key=to_item(budget.key),
            UpdateExpression="SET announced_until = :until",
            ConditionExpression="attribute_not_exists(announced_until) OR announced_until < :before",
            ExpressionAttributeValues=to_item(
                {":until": until, ":before": _DONE if until == _DONE else int(self.now())}
            ),
        )


def _detail(budget: Budget, refusal: BudgetExceeded) -> dict[str, str | None]:
    return {
        "tenant": budget.tenant,
        "scope": budget.scope,
        "id": budget.id,
        "limit_usd": dollars(refusal.limit),
        "spent_usd": dollars(refusal.spent),
        "reserved_usd": dollars(refusal.reserved),
        "renews_at": refusal.renews_at,
    }
