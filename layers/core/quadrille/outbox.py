"""The outbox: events that are no change of another row have one of their own, in the cases table.

Whatever is put here is published by the table's stream, once put, however often it is put again.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quadrille.events import Envelope
from quadrille.rows import from_item, to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Outbox:
    """Events by tenant and id, each remembered for so many `days`."""

    table: str
    dynamodb: "DynamoDBClient"
    days: int
    now: Callable[[], float]

    def put(self, envelope: Envelope) -> bool:
        """Publish an event; false if one with its id was put before."""
        values = {"emits": {"id": envelope.id, "event": envelope.model_dump_json()}}
        return self._put(f"event#{envelope.tenant}", envelope.id, values)

    def park(self, envelope: Envelope, reason: str, *, by: str) -> bool:
        """Keep an event that `by` cannot take, unpublished, and why; false if it is kept already."""
        values = {"parked": reason, "event": envelope.model_dump_json()}
        return self._put(f"parked#{envelope.tenant}", f"{envelope.id}#{by}", values)

    def parked(self, tenant: str, *, limit: int) -> Iterator[tuple[Envelope, str]]:
        """At most `limit` of a tenant's parked events, each with why it is."""
        answer = self.dynamodb.query(
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_item({":pk": f"parked#{tenant}"}),
            Limit=limit,
        )
        for row in map(from_item, answer["Items"]):
            yield Envelope.model_validate_json(row["event"]), row["parked"]

    def _put(self, pk: str, sk: str, values: Mapping[str, Any]) -> bool:
        row = {"pk": pk, "sk": sk, "expires_at": int(self.now()) + self.days * _DAY, **values}
        try:
            self.dynamodb.put_item(
                TableName=self.table, Item=to_item(row), ConditionExpression="attribute_not_exists(pk)"
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True
