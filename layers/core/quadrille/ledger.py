"""The ledger: every call that costs money is claimed, reserved, paid, stored and settled here, once.

A call's key is derived from its content, so a duplicate delivery, a retry or a second worker finds the first one's
result and pays nothing. One row per paid request, two writes: the claim (with the reservations, in one transaction)
and the settlement. Only a reply that is lost, or a crash between the provider's acceptance and the settlement, can pay
twice; what was reserved for it then counts as spent and the receipt says `ambiguous`.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import uuid4

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from quadrille import metrics
from quadrille.budgets import Budget, Entry, Limits, day_of
from quadrille.calls import Call, Paid, Payer, Reply
from quadrille.claims import Claim, Claims, Short
from quadrille.errors import (
    Abandoned,
    AmbiguousCall,
    BudgetExceeded,
    Busy,
    DeadlineExceeded,
    NotFound,
    ProviderRefused,
    ResultLost,
    RetryLater,
    Unanswered,
)
from quadrille.purposes import Purpose
from quadrille.receipts import Receipt
from quadrille.rows import Row

logger = Logger()

_NOTHING = Receipt()


@dataclass(frozen=True, slots=True)
class Ledger:
    """The door to everything paid.

    `announce` tells the world that a budget is used up. `patience` is how many seconds one waits for a twin, for a
    write conflict, or for reserved money to come back.
    """

    claims: Claims
    limits: Limits
    announce: Callable[[Budget, BudgetExceeded], None]
    inline_bytes: int
    patience: float = 8.0

    def pay(self, call: Call, send: Callable[[], Reply]) -> Paid:
        """The call's result: the one already paid for, or that of `send`, which is called at most once.

        A result that is gone from the bucket is paid for again, as often as the call's purpose allows.

        `send` raises `AmbiguousCall` if the request may have been billed without a reply, `Abandoned` if nobody wants
        the rest of its reply, and `RetryLater`, `ProviderRefused` or `DeadlineExceeded` if it certainly was not billed.
        Raises those, `BudgetExceeded`, `Unanswered`, `ResultLost`, and `Busy` while a twin holds the claim.
        """
        budgets = self.limits.budgets(
            call.tenant, inbound=call.inbound, document=call.document, task=call.task, task_limit=call.task_limit
        )
        while not isinstance(claim := self._enter(call, budgets), Claim):
            paid = self._paid(call, claim, budgets)
            if paid:
                return paid
        try:
            reply = send()
        except AmbiguousCall as error:
            error.receipt = self.claims.write_off(claim, call.ceiling)
            raise
        except Abandoned as error:  # what was billed nobody counted, so it may be all that was reserved
            error.receipt = self.claims.write_off(claim, call.ceiling, in_vain=False)
            raise
        except (RetryLater, ProviderRefused, DeadlineExceeded):
            self.claims.end(claim, "released", _NOTHING)
            raise
        except Exception as error:  # a reply nobody understands was billed all the same
            lost = self.claims.write_off(claim, call.ceiling)
            raise AmbiguousCall(
                "The provider's reply could not be understood; the call may have been billed.", receipt=lost
            ) from error
        return self._settle(call, claim, reply)

    def save(self, amount: Decimal, payer: Payer, *, purpose: Purpose, model: str) -> Receipt:
        """Count what a payer need not pay, because the whole of what it wants is known; the receipt of that."""
        budgets = self.limits.budgets(payer.tenant, inbound=payer.inbound, document=payer.document, task=payer.task)
        return self._save(amount, purpose, model, budgets, duplicate=False)

    def _enter(self, call: Call, budgets: Sequence[Budget]) -> Claim | Row:
        """Claim the call, or find its row paid. Waits a little for a twin, a conflict and reserved money."""
        hopeless = self._hopeless(call, budgets)
        if hopeless:
            row = self.claims.row(call)
            if row and row["state"] == "paid":
                return row
            raise self._refused(call, *hopeless)
        fence, pause, give_up = uuid4().hex, 0.05, min(call.deadline, self.claims.now() + self.patience)
        met = self.claims.begin(call, budgets, fence, seen=None)
        while True:
            why: Busy
            match met:
                case Claim():
                    return met
                case dict() if met["state"] == "paid":
                    return met
                case Short():
                    why = self._await_money(call, met)
                case None:
                    why = Busy("Many calls of this tenant are being booked at the same time.", seconds=1.0)
                case _ if met["state"] != "claimed":
                    _require_a_try_left(call, met)
                    met = self.claims.begin(call, budgets, fence, seen=met)
                    continue
                case _ if self.claims.is_over(met):
                    self.claims.take_over(met)
                    met = self.claims.row(call)
                    continue
                case _:
                    why = Busy("The same request is being worked on.", seconds=self.claims.lease_left(met))
            if self.claims.now() + pause >= give_up:
                raise why
            self.claims.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, 0.5)
            twin = self.claims.row(call) if isinstance(met, dict) else None
            met = twin or self.claims.begin(call, budgets, fence, seen=None)

    def _hopeless(self, call: Call, budgets: Sequence[Budget]) -> tuple[Budget, Row] | None:
        """The first limit that is under the cost of the call alone."""
        limits = [*budgets]
        if call.max_cost is not None:
            limits.append(Budget(call.tenant, "request", "", call.max_cost))
        tight = next((budget for budget in limits if call.ceiling > budget.limit), None)
        return (tight, self.limits.spending(tight)) if tight else None

    def _await_money(self, call: Call, short: Short) -> Busy:
        """Why to wait: what is missing is only reserved and may come back. Raises `BudgetExceeded` if it is spent."""
        row, nothing = short.row, Decimal(0)
        if row.get("committed", nothing) > row.get("spent", nothing) and self.claims.reclaim(call.tenant):
            row = self.limits.spending(short.budget)
        if row.get("spent", nothing) + call.ceiling > short.budget.limit:
            raise self._refused(call, short.budget, row)
        return Busy("The rest of the budget is reserved by calls that are under way.", seconds=2.0)

    def _refused(self, call: Call, budget: Budget, row: Row) -> BudgetExceeded:
        refusal = budget.exceeded(row, call.ceiling)
        metrics.count_refusal(budget.scope)
        self.announce(budget, refusal)
        return refusal

    def _settle(self, call: Call, claim: Claim, reply: Reply) -> Paid:
        """Store the result and turn the reservation into the actual cost. Raises `RetryLater` if fenced off."""
        if reply.receipt.cost_usd > claim.reserved:
            logger.error("cost_above_ceiling", model=call.model, reserved=claim.reserved, cost=reply.receipt.cost_usd)
        kept: dict[str, Any] = {"result": reply.result}
        if call.as_blob or len(reply.result) > self.inline_bytes:
            kept = {"blob": self._keep(claim, reply)}
        receipt = self.claims.settle(claim, reply.receipt, kept)
        return Paid(reply.result, kept.get("blob", ""), receipt)

    def _keep(self, claim: Claim, reply: Reply) -> str:
        """Put a result into the bucket. One that cannot be put is paid and lost, and is written off."""
        try:
            return self.claims.keep(claim, reply.result, reply.receipt)
        except (ClientError, BotoCoreError) as error:
            lost = self.claims.write_off(claim, reply.receipt.cost_usd)
            raise AmbiguousCall("The paid result could not be stored.", receipt=lost) from error

    def _paid(self, call: Call, row: Row, budgets: Sequence[Budget]) -> Paid | None:
        """A result that was paid for before: at no cost, unless it was this subject that paid. None if it is gone."""
        self.claims.share(call, row)
        receipt = Receipt.parse(row["receipt"])
        blob = row.get("blob", "")
        try:
            result = self.claims.blobs.get(blob) if blob else row["result"]
        except NotFound:
            self.claims.lose(row)
            return None
        duplicate = row["subject"] == call.subject
        saved = self._save(receipt.cost_usd, call.purpose, call.model, budgets, duplicate=duplicate)
        return Paid(result, blob, receipt if duplicate else saved)

    def _save(
        self, amount: Decimal, purpose: Purpose, model: str, budgets: Sequence[Budget], *, duplicate: bool
    ) -> Receipt:
        entry, saved = Entry(day_of(self.claims.now()), purpose.room, model), Receipt(saved_usd=amount)
        self.limits.book_saving(budgets, entry, amount, duplicate=duplicate)
        metrics.count(entry.room, entry.model, saved)
        return saved


def _require_a_try_left(call: Call, row: Row) -> None:
    """Raises `Unanswered` or `ResultLost` if a call was paid for in vain as often as its purpose allows."""
    if row["lost"] >= call.purpose.sends:
        raise ResultLost(times=int(row["lost"]))
    if row["ambiguous"] >= call.purpose.sends:
        raise Unanswered(sends=int(row["ambiguous"]))
