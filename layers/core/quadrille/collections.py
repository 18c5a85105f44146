"""Collections: which a tenant has, and how the documents of one are split. One begins with its first document.

Their rows lie in the documents table, in a partition that can be no tenant's.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
    """Settings by tenant and collection. `default` is what holds where nothing is set."""

    table: str
    dynamodb: "DynamoDBClient"
    default: Size

    def size(self, tenant: str, collection: str) -> Size:
        """How a collection's documents are split."""
        return self._size(get(self.dynamodb, self.table, _key(tenant, collection)) or {})

    def set_size(self, tenant: str, collection: str, size: Size) -> None:
        """From now on, split a collection's documents so. Those that are split already stay as they are."""
        sizes = {":tokens": size.tokens, ":overlap": size.overlap}
        self._update(tenant, collection, "SET chunk_tokens = :tokens, chunk_overlap_tokens = :overlap", sizes)

    def enter(self, tenant: str, collection: str) -> Size:
        """Note that a collection has a document, and give how it is split."""
        begun = "SET begun_at = if_not_exists(begun_at, :now)"
        return self._size(self._update(tenant, collection, begun, {":now": int(time.time())}))

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

    def _update(self, tenant: str, collection: str, expression: str, values: Mapping[str, Any]) -> Row:
        answer = self.dynamodb.update_item(
            TableName=self.table,
            Key=to_item(_key(tenant, collection)),
            UpdateExpression=expression,
            ExpressionAttributeValues=to_item(values),
            ReturnValues="ALL_NEW",
        )
        return from_item(answer["Attributes"])


def _key(tenant: str, collection: str) -> dict[str, str]:
    return {"tenant": _partition(tenant), "document_id": collection}


def _partition(tenant: str) -> str:
    return f"collections#{tenant}"
