"""Which mails and tickets a customer has written, in the cases table: an entry for each beside the case itself."""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from quadrille.rows import Row, from_item, to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

Kind = Literal["emails", "tickets"]

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a case stands among its customer's. `created_at` is in milliseconds since the epoch."""

    tenant: str
    address: str
    kind: Kind
    id: str
    created_at: int

    @property
    def key(self) -> dict[str, str]:
        """The entry's key in the cases table. An address is a digest there, and the same in any case of letters."""
        digest = hashlib.sha256(self.address.strip().lower().encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return {"pk": f"customer#{self.tenant}#{digest}", "sk": f"{self.created_at:013d}#{self.kind}/{self.id}"}


@dataclass(frozen=True, slots=True)
class Customers:
    """Entries by customer, each kept for so many `days` after the case was made."""

    table: str
    dynamodb: "DynamoDBClient"
    days: int

    def item(self, entry: Entry, values: Mapping[str, Any]) -> dict[str, Any]:
        """The entry as a part of the transaction that makes the case."""
        expires = {"expires_at": entry.created_at // 1_000 + self.days * _DAY}
        row = {**entry.key, "case": f"{entry.kind}/{entry.id}", "created_at": entry.created_at, **expires, **values}
        return {"Put": {"TableName": self.table, "Item": to_item(row)}}

    def note(self, entry: Entry, values: Mapping[str, Any]) -> None:
        """Set what is known of a case by now, such as its category, sentiment and status.

        A case that changes late outlives its entry, which is no error.
        """
        with suppress(self.dynamodb.exceptions.ConditionalCheckFailedException):
            self.dynamodb.update_item(
                TableName=self.table,
                Key=to_item(entry.key),
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeNames={f"#{name}": name for name in values},
                ExpressionAttributeValues=to_item({f":{name}": value for name, value in values.items()}),
            )

    def history(self, entry: Entry, *, limit: int) -> list[Row]:
        """At most `limit` cases of the customer from before this one, newest first."""
        key = entry.key
        answer = self.dynamodb.query(
            TableName=self.table,
            KeyConditionExpression="pk = :pk AND sk < :sk",
            ExpressionAttributeValues=to_item({":pk": key["pk"], ":sk": key["sk"]}),
            ScanIndexForward=False,
            Limit=limit,
        )
        return [from_item(item) for item in answer["Items"]]
