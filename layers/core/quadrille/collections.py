"""Collections: which a tenant has, how the documents of one are split, and how often what can be found in it changed.

A collection needs no making; unset, the defaults hold. Their rows lie in the documents table, in a partition that can
be no tenant's.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quadrille.rows import Row, from_item, get, to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


@dataclass(frozen=True, slots=True)
class Size:
    """A chunk's size and its overlap with the one before, in tokens."""

    tokens: int
    overlap: int


@dataclass(frozen=True, slots=True)
class Collections:
    """Collections by tenant and name. `default` is the size that holds where nothing is set."""

    table: str
    dynamodb: "DynamoDBClient"
    default: Size

    def size(self, tenant: str, collection: str) -> Size:
        """How a collection's documents are split."""
        return self._size(get(self.dynamodb, self.table, collection_key(tenant, collection)) or {})

    def set_size(self, tenant: str, collection: str, size: Size) -> None:
        """From now on, split a collection's documents so. Those that are split already stay as they are."""
        change = "SET chunk_tokens = :tokens, chunk_overlap_tokens = :overlap"
        values = {"tokens": size.tokens, "overlap": size.overlap}
        _update(self.dynamodb, self.table, tenant, collection, change, values)

    def enter(self, tenant: str, collection: str) -> Size:
        """Note that a collection has a document, and give how it is split."""
        change, values = "SET begun_at = if_not_exists(begun_at, :now)", {"now": int(time.time())}
        return self._size(_update(self.dynamodb, self.table, tenant, collection, change, values))

    def epoch(self, tenant: str, collection: str) -> int:
        """A number that moves on whenever what can be found in a collection changes."""
        return int((get(self.dynamodb, self.table, collection_key(tenant, collection)) or {}).get("epoch", 0))

    def names(self, tenant: str) -> dict[str, int]:
        """The collections that have had a document and when they began, in seconds since the epoch; at most 1 MB."""
        answer = self.dynamodb.query(
            TableName=self.table,
            KeyConditionExpression="tenant = :tenant",
            FilterExpression="attribute_exists(begun_at)",
            ExpressionAttributeValues=to_item({":tenant": _partition(tenant)}),
        )
        return {row["document_id"]: int(row["begun_at"]) for row in map(from_item, answer["Items"])}

    def _size(self, row: Row) -> Size:
        if "chunk_tokens" not in row:
            return self.default
        return Size(int(row["chunk_tokens"]), int(row["chunk_overlap_tokens"]))


def advance_epoch(dynamodb: "DynamoDBClient", table: str, tenant: str, collection: str) -> None:
    """Move a collection's epoch on: what was answered out of it before is not to be answered again unasked."""
    _update(dynamodb, table, tenant, collection, "ADD epoch :one", {"one": 1})


def collection_key(tenant: str, collection: str) -> dict[str, str]:
    """Where a collection's row is. Its `epoch` is absent until the first document becomes searchable."""
    return {"tenant": _partition(tenant), "document_id": collection}


def _partition(tenant: str) -> str:
    return f"collections#{tenant}"


def _update(
    dynamodb: "DynamoDBClient", table: str, tenant: str, collection: str, change: str, values: Mapping[str, int]
) -> Row:
    """The row after a change."""
    answer = dynamodb.update_item(
        TableName=table,
        Key=to_item(collection_key(tenant, collection)),
        UpdateExpression=change,
        ExpressionAttributeValues=to_item({f":{name}": value for name, value in values.items()}),
        ReturnValues="ALL_NEW",
    )
    return from_item(answer["Attributes"])
