"""Deliveries of webhooks that were taken, in the cases table, by their signatures: the same one again does nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quadrille.rows import get, to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What became of deliveries, each remembered for so many `seconds`: longer than its signature is good for."""

    table: str
    dynamodb: "DynamoDBClient"
    seconds: int
    now: Callable[[], float]

    def seen(self, source_id: str, signature: str) -> dict[str, str] | None:
        """What became of a delivery, if it was taken before."""
        row = get(self.dynamodb, self.table, _key(source_id, signature))
        return row["outcome"] if row else None

    def note(self, source_id: str, signature: str, outcome: Mapping[str, str]) -> None:
        """Remember what became of one. Before that it can be taken again, for all that is done with it is done once."""
        row = {**_key(source_id, signature), "outcome": outcome, "expires_at": int(self.now()) + self.seconds}
        self.dynamodb.put_item(TableName=self.table, Item=to_item(row))


def _key(source_id: str, signature: str) -> dict[str, str]:
    return {"pk": f"delivery#{source_id}", "sk": signature}
