"""Budgets: money is reserved under a limit before a call and settled after it.

A row of spending is one tenant's day, what came in by itself on that day, a document or a task. It holds `committed`
(spent + reserved) and `spent`, because a DynamoDB condition cannot add: their difference is what is reserved. Beside
them it keeps the same money, and the tokens, by day, room and model, as attributes named `day|room|model|what`;
`costs.py` reads those.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from quadrille.errors import BudgetExceeded, Invalid
from quadrille.receipts import Receipt
from quadrille.rows import Row, get, to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef, UpdateTypeDef

logger = Logger()

_DAILY = ("day", "inbound")
SCOPES = (*_DAILY, "document", "task")
MAX_LIMITS = 100  # that one tenant may set; all are one row
_KEPT_DAYS = 400
_CACHED = 5.0  # seconds until a limit that was set is known everywhere
_CACHED_TENANTS = 1_000
_NOTHING = Decimal(0)
_UNBOUNDED = Decimal("Infinity")


@dataclass(frozen=True, slots=True)
class Budget:
    """One row of spending and its limit in US dollars. `id` is the UTC day, or the id of the document or task."""

    tenant: str
    scope: str
    id: str
    limit: Decimal

    @property
    def key(self) -> dict[str, str]:
        """The row's key in the ledger table."""
        return spending_key(self.tenant, self.scope, self.id)

    @property
    def renews_at(self) -> str | None:
        """When the limit counts from nothing again; never for a document or a task."""
        if self.scope not in _DAILY:
            return None
        tomorrow = datetime.fromisoformat(self.id).replace(tzinfo=UTC) + timedelta(days=1)
        return tomorrow.isoformat().replace("+00:00", "Z")

    def exceeded(self, row: Row, needed: Decimal) -> BudgetExceeded:
        """The refusal of a reservation of `needed`, with what the row says at this moment."""
        spent = row.get("spent", _NOTHING)
        return BudgetExceeded(
            scope=self.scope,
            limit=self.limit,
            spent=spent,
            reserved=row.get("committed", _NOTHING) - spent,
            needed=needed,
            renews_at=self.renews_at,
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """What a change of spending is booked under: the day of the claim, the room and the model."""

    day: str
    room: str
    model: str

    def reserve(self, table: str, budget: Budget, amount: Decimal) -> "TransactWriteItemTypeDef":
        """Commit `amount` if it fits under the budget's limit."""
        update = self._add(table, budget.key, {"committed": amount}, {"reserved": amount})
        condition = "attribute_not_exists(committed) OR committed <= :room"
        values = {**update["Update"]["ExpressionAttributeValues"], **to_item({":room": budget.limit - amount})}
        return {"Update": {**update["Update"], "ConditionExpression": condition, "ExpressionAttributeValues": values}}

    def settle(
        self, table: str, key: Mapping[str, str], *, reserved: Decimal, receipt: Receipt
    ) -> "TransactWriteItemTypeDef":
        """Turn a reservation into what `receipt` says it cost; a receipt of nothing gives the money back.

        What an ambiguous receipt costs is also kept apart, as money of which nobody knows whether it was billed.
        """
        totals = {"committed": receipt.cost_usd - reserved, "spent": receipt.cost_usd}
        unsure = receipt.cost_usd if receipt.ambiguous else _NOTHING
        parts = {**_parts(receipt), "reserved": -reserved, "ambiguous_usd": unsure}
        return self._add(table, key, totals, parts)

    def save(
        self, table: str, key: Mapping[str, str], *, amount: Decimal, duplicate: bool
    ) -> "TransactWriteItemTypeDef":
        """Count what was not paid a second time: for a duplicate of the same work, or for other work's equal call."""
        return self._add(table, key, {}, {"saved_duplicate" if duplicate else "saved_cache": amount})

    def _add(
        self, table: str, key: Mapping[str, str], totals: Mapping[str, Decimal], parts: Mapping[str, Decimal | int]
    ) -> "TransactWriteItemTypeDef":
        booked = {f"{self.day}|{self.room}|{self.model}|{name}": amount for name, amount in parts.items()}
        amounts = {name: amount for name, amount in {**totals, **booked}.items() if amount}
        expires = datetime.fromisoformat(self.day).replace(tzinfo=UTC) + timedelta(days=_KEPT_DAYS)
        values = {f":{number}": amount for number, amount in enumerate(amounts.values())}
        update: UpdateTypeDef = {
            "TableName": table,
            "Key": to_item(key),
            "UpdateExpression": "SET expires_at = :expires",
            "ExpressionAttributeValues": to_item({**values, ":expires": int(expires.timestamp())}),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if amounts:
            update["UpdateExpression"] += " ADD " + ", ".join(f"#{number} :{number}" for number in range(len(amounts)))
            update["ExpressionAttributeNames"] = {f"#{number}": name for number, name in enumerate(amounts)}
        return {"Update": update}


def _parts(receipt: Receipt) -> dict[str, Decimal | int]:
    return {
        "spent": receipt.cost_usd,
        "calls": receipt.calls,
        "retries": receipt.retries,
        "ambiguous": receipt.ambiguous,
        "input": receipt.input_tokens,
        "output": receipt.output_tokens,
        "embedding": receipt.embedding_tokens,
    }


@dataclass(frozen=True, slots=True)
class Limits:
    """A tenant's limits in US dollars: those its admin has set, else the deployer's `defaults` by scope."""

    table: str
    dynamodb: "DynamoDBClient"
    defaults: Mapping[str, Decimal]
    now: Callable[[], float]
    _cache: dict[str, tuple[float, Row]] = field(default_factory=dict)

    def budgets(
        self,
        tenant: str,
        *,
        inbound: bool = False,
        document: str = "",
        task: str = "",
        task_limit: Decimal | None = None,
    ) -> list[Budget]:
        """The budgets a call falls under now: the day's, that of what came in by itself, of its document or task.

        A task may have a limit of its own under the tenant's.
        """
        today = day_of(self.now())
        scopes = {"day": today, "inbound": today if inbound else "", "document": document, "task": task}
        own = {"task": task_limit} if task_limit is not None else {}
        return [
            Budget(tenant, scope, id_, min(self.limit(tenant, scope, id_), own.get(scope, _UNBOUNDED)))
            for scope, id_ in scopes.items()
            if id_
        ]

    def limit(self, tenant: str, scope: str, id_: str) -> Decimal:
        """The limit of one document (`doc_x` of `doc_x/2`) or task if it was set, else of the scope."""
        own = self.own(tenant)
        names = (f"{scope}:{id_.partition('/')[0]}", scope)
        return next((own[name] for name in names if name in own), self.defaults[scope])

    def spending(self, budget: Budget) -> Row:
        """A budget's row as it is now; empty if nothing was ever reserved under it, or it is one request's."""
        if budget.scope not in SCOPES:
            return {}
        return get(self.dynamodb, self.table, budget.key) or {}

    def book_saving(self, budgets: Sequence[Budget], entry: Entry, amount: Decimal, *, duplicate: bool) -> None:
        """Count what was not paid a second time. It is no money: what cannot be booked is logged and let go."""
        for budget in budgets:
            item = entry.save(self.table, budget.key, amount=amount, duplicate=duplicate)
            try:
                self.dynamodb.update_item(**item["Update"])
            except (ClientError, BotoCoreError) as error:
                logger.warning("saving_not_booked", reason=str(error))

    def own(self, tenant: str) -> Row:
        """The limits a tenant's admin has set, by scope; up to five seconds old."""
        until, known = self._cache.get(tenant, (0.0, {}))
        if self.now() < until:
            return known
        row = get(self.dynamodb, self.table, _limits_key(tenant)) or {}
        known = {name.removeprefix("limit|"): value for name, value in row.items() if name.startswith("limit|")}
        if len(self._cache) >= _CACHED_TENANTS:
            self._cache.clear()
        self._cache[tenant] = (self.now() + _CACHED, known)
        return known

    def set(self, tenant: str, scope: str, limit: Decimal | None) -> None:
        """Set a limit, or go back to the default with None. `scope` is `day`, `inbound`, `document`, `task`,
        `document:<id>` or `task:<id>`. Raises `Invalid`.
        """
        self._cache.pop(tenant, None)
        if limit is not None and len(self.own(tenant).keys() | {scope}) > MAX_LIMITS:
            raise Invalid("scope", f"{MAX_LIMITS} limits are set, which is the most; take one back with null first")
        row = {"TableName": self.table, "Key": to_item(_limits_key(tenant))}
        names = {"#scope": f"limit|{scope}"}
        if limit is None:
            self.dynamodb.update_item(**row, UpdateExpression="REMOVE #scope", ExpressionAttributeNames=names)  # type: ignore[arg-type]
        else:
            values = to_item({":limit": limit})
            self.dynamodb.update_item(
                **row,  # type: ignore[arg-type]
                UpdateExpression="SET #scope = :limit",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
            )
        self._cache.pop(tenant, None)


def spending_key(tenant: str, scope: str, id_: str) -> dict[str, str]:
    """Where a row of spending is."""
    return {"pk": f"spend#{tenant}#{scope}", "sk": id_}


def day_of(now: float) -> str:
    """The UTC day of a moment in seconds since the epoch, as `2026-11-23`."""
    return datetime.fromtimestamp(now, UTC).date().isoformat()


def _limits_key(tenant: str) -> dict[str, str]:
    return {"pk": f"limits#{tenant}", "sk": "limits"}
