"""Claims: the rows of paid calls, and the two transactions each call takes.

A row is claimed (lease, fence, reservation), then paid, released (certainly not billed) or ambiguous (perhaps
billed). The fence is random: a transaction returns no values, so a counter would need a read, and equality is all
that the end of a claim asks for.
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from quadrille import metrics
from quadrille.blobs import Blobs
from quadrille.budgets import Budget, Entry, spending_key
from quadrille.calls import Call
from quadrille.errors import RetryLater
from quadrille.receipts import Receipt
from quadrille.rows import Row, from_item, get, passes, to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

logger = Logger()

_LEASE_MARGIN = 10.0  # seconds a lease outlives its owner's process
_GRACE = 10.0  # seconds in which the end of a claim is written again and again, be its lease over or not
_DAY = 86_400
_CONFLICTS = {"None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to make one call: a fencing token, reservations, and what became of earlier tries.

    `ambiguous` counts those that may have been billed without a result; `unreported` and `written_off` those of them
    whose worker died, so that no receipt has told of them yet. A `lasting` result is kept longer than the row.
    """

    key: str
    tenant: str
    fence: str
    lease_until: int  # milliseconds since the epoch
    reserved: Decimal
    budgets: Sequence[str]
    entry: Entry
    ambiguous: int
    unreported: int
    written_off: Decimal
    lasting: bool

    @classmethod
    def of(cls, row: Row) -> "Claim":
        """The claim a row holds."""
        return cls(
            key=row["sk"],
            tenant=row["tenant"],
            fence=row["fence"],
            lease_until=int(row["lease_until"]),
            reserved=row["reserved"],
            budgets=row["budgets"],
            entry=Entry(row["day"], row["room"], row["model"]),
            ambiguous=int(row["ambiguous"]),
            unreported=int(row["unreported"]),
            written_off=row["written_off"],
            lasting=row["lasting"],
        )

    def spending(self) -> list[dict[str, str]]:
        """The keys of the rows that hold its reservations."""
        return [spending_key(self.tenant, *budget.split("|", 1)) for budget in self.budgets]


@dataclass(frozen=True, slots=True)
class Short:
    """A budget that a reservation did not fit under, and its row."""

    budget: Budget
    row: Row


@dataclass(frozen=True, slots=True)
class Claims:
    """The calls of the ledger table, and their results in the bucket. `days` is how long a row is kept."""

    table: str
    dynamodb: "DynamoDBClient"
    blobs: Blobs
    days: int
    now: Callable[[], float]
    sleep: Callable[[float], None]

    def row(self, call: Call) -> Row | None:
        """What is known of a call."""
        return get(self.dynamodb, self.table, _key(call.key))

    def is_over(self, row: Row) -> bool:
        """Whether a claim's lease has ended."""
        return bool(row["lease_until"] < int(self.now() * 1000))

    def lease_left(self, row: Row) -> float:
        """Seconds until a claim's lease ends; between 2 and 30, which is soon enough to look again."""
        return min(30.0, max(2.0, float(row["lease_until"]) / 1000 - self.now()))

    def begin(
        self, call: Call, budgets: Sequence[Budget], fence: str, *, seen: Row | None
    ) -> "Claim | Short | Row | None":
        """Claim and reserve in one transaction.

        Otherwise the row in the way, the budget that is short, or None after a conflict or a hiccup. `seen` is the row
        of a call that ended without a result and is begun again.
        """
        row = self._row_of(call, budgets, fence, seen)
        claim = Claim.of(row)
        items = [
            self._put(row, seen),
            *(claim.entry.reserve(self.table, budget, call.ceiling) for budget in budgets),
            *(self._made(call, source, fence) for source in call.made_of),
        ]
        try:
            self.dynamodb.transact_write_items(TransactItems=items)
        except self.dynamodb.exceptions.TransactionCanceledException as error:
            mine, *theirs = error.response["CancellationReasons"]
            if mine["Code"] == "ConditionalCheckFailed":
                met = from_item(mine.get("Item", {})) or None
                arrived = met and (met["fence"], met["state"]) == (fence, "claimed")  # an earlier try of this one
                return Claim.of(met) if met and arrived else met
            short = (pair for pair in zip(budgets, theirs, strict=False) if pair[1]["Code"] == "ConditionalCheckFailed")
            return next((Short(budget, from_item(reason.get("Item", {}))) for budget, reason in short), None)
        except (ClientError, BotoCoreError) as error:
            if not passes(error):
                raise
            logger.warning("claim_not_written", reason=str(error))
            return None
        return claim

    def end(self, claim: Claim, state: str, receipt: Receipt, values: Mapping[str, Any] | None = None) -> None:
        """End a claim in one transaction with its budgets. Raises `RetryLater` if somebody took it over.

        Only a row that has ended expires: an open claim holds money.
        """
        changes: dict[str, Any] = {
            "ambiguous": claim.ambiguous + receipt.ambiguous,
            **(values or {}),
            "state": state,
            "expires_at": int(self.now()) + self.days * _DAY,
        }
        update: TransactWriteItemTypeDef = {
            "Update": {
                "TableName": self.table,
                "Key": to_item(_key(claim.key)),
                "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in changes) + " REMOVE open_to",
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
        money = [
            claim.entry.settle(self.table, key, reserved=claim.reserved, receipt=receipt) for key in claim.spending()
        ]
        self._write_through([update, *money], claim, state)
        metrics.count(claim.entry.room, claim.entry.model, receipt)

    def write_off(self, claim: Claim, cost: Decimal, *, in_vain: bool = True) -> Receipt:
        """End a claim that has no result and may have been billed; the receipt of that. Raises as `end`.

        One that was not sent `in_vain`, but given up here, does not count against the times it may be sent.
        """
        lost = _lost(claim, cost)
        self.end(claim, "ambiguous", lost, None if in_vain else {"ambiguous": claim.ambiguous})
        return lost

    def settle(self, claim: Claim, receipt: Receipt, kept: Mapping[str, Any]) -> Receipt:
        """End a claim as paid; the receipt with what earlier tries may have cost. Raises as `end`."""
        whole = receipt + Receipt(
            cost_usd=claim.written_off, written_off_usd=claim.written_off, ambiguous=claim.unreported
        )
        self.end(claim, "paid", receipt, {**kept, "receipt": whole.public()})
        return whole

    def share(self, call: Call, row: Row) -> None:
        """Note that a paid result is now also made of the call's documents."""
        for source in set(call.made_of) - set(row["made_of"]):
            self.dynamodb.put_item(**self._made(call, source, row["fence"])["Put"])

    def lose(self, row: Row) -> None:
        """End a paid call whose result is gone from the bucket, so that it can be claimed again."""
        try:
            self.dynamodb.update_item(
                TableName=self.table,
                Key=to_item(_key(row["sk"])),
                UpdateExpression="SET #state = :lost, lost = lost + :one",
                ConditionExpression="fence = :fence AND #state = :paid",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues=to_item(
                    {":lost": "lost", ":one": 1, ":fence": row["fence"], ":paid": "paid"}
                ),
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return  # somebody has claimed or deleted it meanwhile
        logger.warning("result_lost", subject=row["subject"], purpose=row["purpose"])
        metrics.count_lost(row["room"], row["model"])

    def delete(self, key: str, fence: str) -> Row | None:
        """Delete a claim that has ended, if it still is the one of this fence; the row if it is open."""
        try:
            self.dynamodb.delete_item(
                TableName=self.table,
                Key=to_item(_key(key)),
                ConditionExpression="fence = :fence AND NOT #state = :claimed",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues=to_item({":fence": fence, ":claimed": "claimed"}),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException as error:
            row = from_item(error.response.get("Item") or {})  # type: ignore[arg-type]
            return row if row.get("fence") == fence else None
        return None

    def keep(self, claim: Claim, result: bytes, receipt: Receipt) -> str:
        """Put a result into the bucket before its claim is settled, and give its key.

        The receipt is kept beside it: should the worker die now, who takes the claim over finds both.
        """
        blob = _blob(claim)
        self.blobs.put(blob, result, about={"receipt": json.dumps(receipt.public())})
        return blob

    def take_over(self, row: Row) -> bool:
        """End a dead worker's claim; false if somebody else was quicker.

        It is paid if its result is in the bucket. Else nobody knows whether the provider billed it, and what it
        reserved counts as spent and as ambiguous.
        """
        claim = Claim.of(row)
        about = self.blobs.about(_blob(claim))
        try:
            if about:
                self.settle(claim, Receipt.parse(json.loads(about["receipt"])), {"blob": _blob(claim)})
            else:
                unreported = {"unreported": claim.unreported + 1, "written_off": claim.written_off + claim.reserved}
                self.end(claim, "ambiguous", _lost(claim, claim.reserved), unreported)
        except RetryLater:
            return False
        logger.warning("claim_taken_over", subject=row["subject"], purpose=row["purpose"], recovered=bool(about))
        return True

    def reclaim(self, tenant: str) -> int:
        """Take over a tenant's claims whose lease is over; how many there were."""
        found = self.dynamodb.query(
            TableName=self.table,
            IndexName="open",
            KeyConditionExpression="open_to = :tenant AND lease_until < :now",
            ExpressionAttributeValues=to_item({":tenant": tenant, ":now": int(self.now() * 1000)}),
            Limit=100,
        )["Items"]
        rows = (get(self.dynamodb, self.table, _key(item["sk"]["S"])) for item in found)  # the index lags behind
        return sum(self.take_over(row) for row in rows if row and row["state"] == "claimed" and self.is_over(row))

    def _row_of(self, call: Call, budgets: Sequence[Budget], fence: str, seen: Row | None) -> Row:
        now = self.now()
        return {
            **_key(call.key),
            "state": "claimed",
            "fence": fence,
            "open_to": call.tenant,
            "lease_until": int((max(call.deadline, call.ends_at) + _LEASE_MARGIN) * 1000),
            "reserved": call.ceiling,
            "budgets": [f"{budget.scope}|{budget.id}" for budget in budgets],
            "day": next(budget.id for budget in budgets if budget.scope == "day"),
            "made_of": call.made_of,
            "lasting": call.as_blob,
            "lost": seen["lost"] if seen else 0,
            "ambiguous": seen["ambiguous"] if seen else 0,
            "unreported": seen["unreported"] if seen else 0,
            "written_off": seen["written_off"] if seen else Decimal(0),
            "tenant": call.tenant,
            "room": call.purpose.room,
            "purpose": call.purpose.name,
            "model": call.model,
            "subject": call.subject,
            "created_at": int(now),
        }

    def _made(self, call: Call, source: str, fence: str) -> "TransactWriteItemTypeDef":
        """The row by which a document finds this call's result, written before there is one.

        What a document version has paid for itself is found as long as it exists, other results as long as their rows.
        """
        row: Row = {**made_key(call.tenant, source, f"{call.key}/{fence}"), "room": call.purpose.room}
        if source != call.document:
            row["expires_at"] = int(call.ends_at) + (self.days + 1) * _DAY
        return {"Put": {"TableName": self.table, "Item": to_item(row)}}

    def _put(self, row: Row, seen: Row | None) -> "TransactWriteItemTypeDef":
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

    def _write_through(self, items: "list[TransactWriteItemTypeDef]", claim: Claim, state: str) -> None:
        """Write, and again after a conflict or a hiccup while the lease lasts: what was paid must be recorded.

        The token makes every try the same transaction to DynamoDB. Raises `RetryLater` if fenced off.
        """
        token, pause, give_up = uuid4().hex, 0.02, max(claim.lease_until / 1000, self.now() + _GRACE)
        while True:
            try:
                self.dynamodb.transact_write_items(TransactItems=items, ClientRequestToken=token)
            except self.dynamodb.exceptions.TransactionCanceledException as error:
                reasons = error.response["CancellationReasons"]
                if reasons[0]["Code"] == "ConditionalCheckFailed":
                    row = from_item(reasons[0].get("Item", {}))
                    if (row.get("fence"), row.get("state")) == (claim.fence, state):
                        return  # an earlier try had arrived
                    raise RetryLater("Another worker took this call over after its lease ended.") from error
                if not {reason["Code"] for reason in reasons} <= _CONFLICTS or self.now() > give_up:
                    raise
            except (ClientError, BotoCoreError) as error:
                if not passes(error) or self.now() > give_up:
                    raise
            else:
                return
            self.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, 1.0)


def _lost(claim: Claim, cost: Decimal) -> Receipt:
    return Receipt(cost_usd=cost, ambiguous=1, models=(claim.entry.model,))


def _blob(claim: Claim) -> str:
    """Where a claim's result is. The fence keeps a late owner's result from replacing another's."""
    lasting, passing = blobs_of(claim.tenant, f"{claim.key}/{claim.fence}")
    return lasting if claim.lasting else passing


def blobs_of(tenant: str, result: str) -> tuple[str, str]:
    """Where a result `<key>/<fence>` may be: for good, or where the bucket drops it when its row expires."""
    return f"results/{tenant}/{result}", f"results/_passing/{tenant}/{result}"


def made_key(tenant: str, source: str, result: str) -> dict[str, str]:
    """Where it is noted that a result was made of a document version; versions are in order."""
    document_id, _, version = source.partition("/")
    return {"pk": f"made#{tenant}#{document_id}", "sk": f"{version.zfill(8)}/{result}"}


def _key(digest: str) -> dict[str, str]:
    """Where a call is. The partition key spreads calls; the sort key is the digest again."""
    return {"pk": f"call#{digest}", "sk": digest}
