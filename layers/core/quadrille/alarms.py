"""The alarm of a budget: `BudgetExceeded` is published once for each budget, however often it refuses."""

from collections.abc import Callable
from dataclasses import dataclass

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from quadrille import events
from quadrille.budgets import SCOPES, Budget
from quadrille.errors import BudgetExceeded
from quadrille.money import dollars
from quadrille.outbox import Outbox

logger = Logger()


@dataclass(frozen=True, slots=True)
class Alarms:
    """`outbox` is made when it is first needed: most functions never refuse a call."""

    outbox: Callable[[], Outbox]

    def announce(self, budget: Budget, refusal: BudgetExceeded) -> None:
        """Publish the event, unless it was. Never raises: a refusal is worth more than its announcement."""
        if budget.scope not in SCOPES:
            return
        event = events.BudgetExceeded(
            scope=budget.scope,
            id=budget.id,
            limit_usd=dollars(refusal.limit),
            spent_usd=dollars(refusal.spent),
            reserved_usd=dollars(refusal.reserved),
            renews_at=refusal.renews_at,
        )
        once = "/".join(budget.key.values())
        subject = f"budgets/{budget.scope}"
        try:
            self.outbox().put(events.Envelope.of(event, tenant=budget.tenant, subject=subject, once=once))
        except (ClientError, BotoCoreError):
            logger.exception("budget_not_announced")
