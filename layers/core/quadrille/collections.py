"""Collections: how a tenant wants the documents of one split, and how often what can be found in one has changed.

A collection needs no making; unset, the defaults hold. Their rows lie in the documents table, in a partition that can
be no tenant's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quadrille.rows import get, to_item

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
        row = get(self.dynamodb, self.table, collection_key(tenant, collection)) or {}
        if "chunk_tokens" not in row:
            return self.default
        return Size(int(row["chunk_tokens"]), int(row["chunk_overlap_tokens"]))

    def set_size(self, tenant: str, collection: str, size: Size) -> None:
        """From now on, split a collection's documents so. Those that are split already stay as they are."""
        values = {"tokens": size.tokens, "overlap": size.overlap}
        change = "SET chunk_tokens = :tokens, chunk_overlap_tokens = :overlap"
        _update(self.dynamodb, self.table, tenant, collection, change, values)


def advance_epoch(dynamodb: "DynamoDBClient", table: str, tenant: str, collection: str) -> None:
    """Move a collection's epoch on: what was answered out of it before is not to be answered again unasked."""
    _update(dynamodb, table, tenant, collection, "ADD epoch :one", {"one": 1})


def collection_key(tenant: str, collection: str) -> dict[str, str]:
    """Where a collection's row is. Its `epoch` is absent until the first document becomes searchable."""
    return {"tenant": f"collections#{tenant}", "document_id": collection}


def _update(
    dynamodb: "DynamoDBClient", table: str, tenant: str, collection: str, change: str, values: Mapping[str, int]
) -> None:
    dynamodb.update_item(
        TableName=table,
        Key=to_item(collection_key(tenant, collection)),
        UpdateExpression=change,
        ExpressionAttributeValues=to_item({f":{name}": value for name, value in values.items()}),
    )
