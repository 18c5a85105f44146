"""Budgets: money is reserved under a limit before a call and settled after it.

One row per tenant and UTC day holds `committed` (spent + reserved) and `spent`. A DynamoDB condition cannot add, so
the sum is what is kept and the reserved part is the difference.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from quadrille.errors import BudgetExceeded
from quadrille.rows import Row, to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_KEPT = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class DailyBudget:
    """A tenant's budget of one UTC day."""

    table: str
    tenant: str
    day: str
    limit: Decimal

    @classmethod
    def at(cls, now: float, *, table: str, tenant: str, limit: Decimal) -> "DailyBudget":
        """The budget in force at `now` (seconds since the epoch)."""
        return cls(table, tenant, datetime.fromtimestamp(now, UTC).date().isoformat(), limit)

    @property
    def key(self) -> str:
        """The row's key in the ledger table."""
        return f"budget#{self.tenant}#{self.day}"

    def reserve(self, amount: Decimal, *, write_off: Decimal = Decimal(0)) -> "TransactWriteItemTypeDef":
        """Commit `amount` if it fits under the limit; `write_off` was committed before and now counts as spent."""
        return {
            "Update": {
                "TableName": self.table,
                "Key": to_item({"pk": self.key}),
                "UpdateExpression": "ADD committed :amount, spent :written_off SET expires_at = :expires",
                "ConditionExpression": "attribute_not_exists(committed) OR committed <= :room",
                "ExpressionAttributeValues": to_item(
                    {
                        ":amount": amount,
                        ":written_off": write_off,
                        ":room": self.limit - amount,
                        ":expires": int((self._midnight() + _KEPT).timestamp()),
                    }
                ),
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def exceeded(self, row: Row, needed: Decimal) -> BudgetExceeded:
        """The refusal of a reservation of `needed`, with what the row says at this moment."""
        spent = row.get("spent", Decimal(0))
        return BudgetExceeded(
            scope="daily",
            limit=self.limit,
            spent=spent,
            reserved=row.get("committed", Decimal(0)) - spent,
            needed=needed,
            renews_at=(self._midnight() + timedelta(days=1)).isoformat().replace("+00:00", "Z"),
        )

    def _midnight(self) -> datetime:
        return datetime.fromisoformat(self.day).replace(tzinfo=UTC)


def settle(table: str, key: str, *, reserved: Decimal, spent: Decimal) -> "TransactWriteItemTypeDef":
    """Turn a reservation into what was really spent; nothing spent gives it back."""
    return {
        "Update": {
            "TableName": table,
            "Key": to_item({"pk": key}),
            "UpdateExpression": "ADD committed :difference, spent :spent",
            "ExpressionAttributeValues": to_item({":difference": spent - reserved, ":spent": spent}),
        }
    }
