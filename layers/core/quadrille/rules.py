"""A tenant's rules, in the cases table: when such an event happens, do this."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quadrille.errors import Invalid, NotFound
from quadrille.rows import Row, from_item, get, to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules by tenant and id; a tenant may have so many."""

    table: str
    dynamodb: "DynamoDBClient"
    most: int

    def put(self, tenant: str, rule_id: str, values: Mapping[str, Any]) -> Row:
        """Keep a rule under its id, in place of the one that was there. Raises `Invalid` if there are too many."""
        others = [row for row in self.list(tenant) if row["sk"] != rule_id]
        if len(others) >= self.most:
            raise Invalid("rule_id", f"there are {len(others)} rules, which is the limit; delete one")
        row = {**_key(tenant, rule_id), **values}
        self.dynamodb.put_item(TableName=self.table, Item=to_item(row))
        return row

    def get(self, tenant: str, rule_id: str) -> Row:
        """A tenant's rule. Raises `NotFound`."""
        row = get(self.dynamodb, self.table, _key(tenant, rule_id))
        if row is None:
            raise NotFound(f"There is no rule {rule_id!r}.")
        return row

    def list(self, tenant: str) -> list[Row]:
        """A tenant's rules, by id."""
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_item({":pk": _key(tenant, "")["pk"]}),
            ConsistentRead=True,
        )
        return [from_item(item) for page in pages for item in page["Items"]]

    def delete(self, tenant: str, rule_id: str) -> None:
        """Forget a rule; one that is not there is no error."""
        self.dynamodb.delete_item(TableName=self.table, Key=to_item(_key(tenant, rule_id)))


def _key(tenant: str, rule_id: str) -> dict[str, str]:
    return {"pk": f"rule#{tenant}", "sk": rule_id}
