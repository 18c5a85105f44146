"""The ledger: every call that costs money is claimed, reserved, paid, stored and settled here, once.

A call's key is derived from its content, so a duplicate delivery, a retry or a second worker finds the first one's
result and pays nothing. One row per paid request, two writes: the claim (with the reservation, in one transaction)
and the settlement. Only a crash between the provider's acceptance and the settlement can pay twice; what was
reserved for it is then counted as spent and the receipt says `ambiguous`.
"""

import hashlib
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from quadrille.blobs import Blobs
from quadrille.budgets import DailyBudget, settle
from quadrille.errors import (
    AmbiguousCall,
    BudgetExceeded,
    DeadlineExceeded,
    NotFound,
    ProviderRefused,
    ResultLost,
    RetryLater,
)
from quadrille.receipts import Receipt
from quadrille.rows import Row, from_item, to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_LEASE_MARGIN = 10.0  # seconds a lease outlives its owner's deadline: the owner is dead by then
_SETTLE_TRIES = 10
_DAY = 86_400
_CONFLICTS = {"None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}


@dataclass(frozen=True, slots=True)
class Call:
    """One paid request, not yet sent.

    `request` is the provider's request body. `subject` is what the call is for and whose receipt shows its cost.
    `ceiling` and `max_cost` are US dollars; `deadline` is when the caller must be done, in seconds since the epoch.
    `identity` is set where two equal requests must be two calls. A result over the inline limit, or any result if
    `as_blob`, is kept in the bucket.
    """

    tenant: str
    purpose: str
    model: str
    request: Mapping[str, Any]
    subject: str
    ceiling: Decimal
    deadline: float
    max_cost: Decimal | None = None
    identity: str = ""
    as_blob: bool = False

    @property
    def key(self) -> str:
        """A digest of all that makes this call the same call as another."""
        content = [self.tenant, self.purpose, self.model, self.identity, self.request]
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back from the provider, and the receipt of this one call."""

    result: bytes
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Paid:
    """A paid result. `blob` is its key in the bucket, empty if it is kept in the row."""

    result: bytes
    blob: str
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class _Claim:
    """The right to make one call: a fencing token, a reservation and what earlier tries may have cost."""

    call: Call
    fence: str
    budget: str
    ambiguous: int = 0
    written_off: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Ledger:
    """The door to everything paid. `daily_limit` is US dollars; `days` is how long a result is remembered."""

    table: str
    dynamodb: "DynamoDBClient"
    blobs: Blobs
    daily_limit: Decimal
    days: int
    inline_bytes: int
    patience: float = 2.0
    now: Callable[[], float] = field(default=time.time)
    sleep: Callable[[float], None] = field(default=time.sleep)

    def pay(self, call: Call, send: Callable[[], Reply]) -> Paid:
        """The call's result: the one already paid for, or that of `send`, which is called at most once.

        `send` raises `AmbiguousCall` if the request may have been billed without a reply, and `RetryLater`,
        `ProviderRefused` or `DeadlineExceeded` if it certainly was not. Raises those, `BudgetExceeded`, `ResultLost`,
        and `RetryLater` while a twin holds the claim.
        """
        if call.max_cost is not None and call.ceiling > call.max_cost:
            nothing = Decimal(0)
            raise BudgetExceeded(
                scope="request",
                limit=call.max_cost,
                spent=nothing,
                reserved=nothing,
                needed=call.ceiling,
                renews_at=None,
            )
        entry = self._enter(call)
        if isinstance(entry, Paid):
            return entry
        try:
            reply = send()
        except AmbiguousCall:
            self._close(entry, state="ambiguous", spent=call.ceiling)
            raise
        except (RetryLater, ProviderRefused, DeadlineExceeded):
            self._close(entry, state="released", spent=Decimal(0))
            raise
        except Exception as error:  # a reply nobody understands was billed all the same
            self._close(entry, state="ambiguous", spent=call.ceiling)
            raise AmbiguousCall(
                "The provider's reply could not be understood; the call may have been billed."
            ) from error
        return self._settle(entry, reply)

    def _enter(self, call: Call) -> "_Claim | Paid":
        """Claim the call, or find it paid. Waits a little for a twin that is at work."""
        give_up = min(call.deadline, self.now() + self.patience)
        seen: Row | None = None
        pause = 0.05
        while True:
            entry = self._claim(call, seen)
            if isinstance(entry, _Claim):
                return entry
            if entry and entry["state"] == "paid":
                return self._paid(call, entry)
            seen = entry if entry and self._is_open(entry) else None
            if seen:
                continue
            if self.now() + pause >= give_up:
                raise RetryLater("The same request, or another of this tenant, is being worked on.", seconds=2.0)
            self.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, 0.4)

    def _is_open(self, row: Row) -> bool:
        """Whether a call that was begun may be taken over."""
        return row["state"] in ("released", "ambiguous") or row["lease_until"] < int(self.now() * 1000)

    def _claim(self, call: Call, seen: Row | None) -> "_Claim | Row | None":
        """Claim and reserve in one transaction. Otherwise the row in the way, or None after a write conflict."""
        budget = DailyBudget.at(self.now(), table=self.table, tenant=call.tenant, limit=self.daily_limit)
        if call.ceiling > budget.limit:
            raise budget.exceeded({}, call.ceiling)
        claim, items = self._claim_items(call, seen, budget)
        try:
            self.dynamodb.transact_write_items(TransactItems=items)
        except self.dynamodb.exceptions.TransactionCanceledException as error:
            mine, budgeted = error.response["CancellationReasons"][:2]
            if mine["Code"] == "ConditionalCheckFailed":
                return from_item(mine["Item"]) if mine.get("Item") else None
            if budgeted["Code"] == "ConditionalCheckFailed":
                raise budget.exceeded(from_item(budgeted.get("Item", {})), call.ceiling) from error
            return None
        return claim

    def _claim_items(
        self, call: Call, seen: Row | None, budget: DailyBudget
    ) -> "tuple[_Claim, list[TransactWriteItemTypeDef]]":
        """The claim and its writes. A claim taken over from a crash leaves its reservation behind as spent."""
        crashed = seen is not None and seen["state"] == "claimed"
        lost = seen["reserved"] if seen and crashed else Decimal(0)
        claim = _Claim(
            call,
            uuid4().hex,
            budget.key,
            ambiguous=(int(seen["ambiguous"]) if seen else 0) + crashed,
            written_off=(seen["written_off"] if seen else Decimal(0)) + lost,
        )
        same_day = seen is not None and seen["budget"] == budget.key
        items = [
            self._claim_item(claim, seen),
            budget.reserve(call.ceiling, write_off=lost if same_day else Decimal(0)),
        ]
        if seen and lost and not same_day:
            items.append(settle(self.table, seen["budget"], reserved=lost, spent=lost))
        return claim, items

    def _claim_item(self, claim: _Claim, seen: Row | None) -> "TransactWriteItemTypeDef":
        call = claim.call
        row = {
            "pk": f"call#{call.key}",
            "state": "claimed",
            "fence": claim.fence,
            "lease_until": int((call.deadline + _LEASE_MARGIN) * 1000),
            "reserved": call.ceiling,
            "budget": claim.budget,
            "ambiguous": claim.ambiguous,
            "written_off": claim.written_off,
            "tenant": call.tenant,
            "purpose": call.purpose,
            "model": call.model,
            "subject": call.subject,
            "created_at": int(self.now()),
            "expires_at": int(self.now()) + self.days * _DAY,
        }
        condition: dict[str, Any] = (
            {
                "ConditionExpression": "fence = :fence AND #state = :state",
                "ExpressionAttributeNames": {"#state": "state"},
                "ExpressionAttributeValues": to_item({":fence": seen["fence"], ":state": seen["state"]}),
            }
            if seen
            else {"ConditionExpression": "attribute_not_exists(pk)"}
        )
        put = {"TableName": self.table, "Item": to_item(row), "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        return {"Put": {**put, **condition}}  # type: ignore[typeddict-item]

    def _settle(self, claim: _Claim, reply: Reply) -> Paid:
        """Store the result and turn the reservation into the actual cost. Raises `RetryLater` if fenced off."""
        blob = ""
        if claim.call.as_blob or len(reply.result) > self.inline_bytes:
            blob = f"results/{claim.call.tenant}/{claim.call.key}"
            self.blobs.put(blob, reply.result)
        receipt = reply.receipt + Receipt(cost_usd=claim.written_off, ambiguous=claim.ambiguous)
        kept = {"blob": blob} if blob else {"result": reply.result}
        self._close(claim, state="paid", spent=reply.receipt.cost_usd, values={**kept, "receipt": receipt.public()})
        return Paid(reply.result, blob, receipt)

    def _close(self, claim: _Claim, *, state: str, spent: Decimal, values: Mapping[str, Any] | None = None) -> None:
        """End a claim in one transaction with its budget, unless somebody took it over."""
        ambiguous = state == "ambiguous"
        changes: dict[str, Any] = {
            **(values or {}),
            "state": state,
            "ambiguous": claim.ambiguous + ambiguous,
            "written_off": claim.written_off + (spent if ambiguous else Decimal(0)),
        }
        update: TransactWriteItemTypeDef = {
            "Update": {
                "TableName": self.table,
                "Key": to_item({"pk": f"call#{claim.call.key}"}),
                "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in changes),
                "ConditionExpression": "fence = :fence AND #state = :claimed",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                "ExpressionAttributeNames": {f"#{name}": name for name in changes},
                "ExpressionAttributeValues": to_item(
                    {
                        **{f":{name}": value for name, value in changes.items()},
                        ":fence": claim.fence,
                        ":claimed": "claimed",
                    }
                ),
            }
        }
        money = settle(self.table, claim.budget, reserved=claim.call.ceiling, spent=spent)
        self._write_through([update, money], fence=claim.fence, state=state)

    def _write_through(self, items: "list[TransactWriteItemTypeDef]", *, fence: str, state: str) -> None:
        """Write, and again after a conflict or a hiccup: what was paid must be recorded.

        The token makes every try the same transaction to DynamoDB. Raises `RetryLater` if fenced off.
        """
        token, pause = uuid4().hex, 0.02
        for tries_left in reversed(range(_SETTLE_TRIES)):
            try:
                self.dynamodb.transact_write_items(TransactItems=items, ClientRequestToken=token)
            except self.dynamodb.exceptions.TransactionCanceledException as error:
                reasons = error.response["CancellationReasons"]
                if reasons[0]["Code"] == "ConditionalCheckFailed":
                    row = from_item(reasons[0].get("Item", {}))
                    if (row.get("fence"), row.get("state")) == (fence, state):
                        return  # an earlier try had arrived
                    raise RetryLater("Another worker took this call over after its lease ended.") from error
                if not tries_left or not {reason["Code"] for reason in reasons} <= _CONFLICTS:
                    raise
            except (ClientError, BotoCoreError):
                if not tries_left:
                    raise
            else:
                return
            self.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, 1.0)

    def _paid(self, call: Call, row: Row) -> Paid:
        """A result that was paid for before: at no cost, unless it was this very subject that paid."""
        receipt = Receipt.parse(row["receipt"])
        if row["subject"] != call.subject:
            receipt = Receipt(saved_usd=receipt.cost_usd)
        blob = row.get("blob", "")
        return Paid(self._fetch(blob) if blob else row["result"], blob, receipt)

    def _fetch(self, blob: str) -> bytes:
        try:
            return self.blobs.get(blob)
        except NotFound as error:
            raise ResultLost(f"The paid result {blob} is gone from the bucket. Nothing was paid again.") from error
