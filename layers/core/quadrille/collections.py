"""Collections: how a tenant wants the documents of one split. A collection needs no making; unset, the defaults hold.

Their rows lie in the documents table, in a partition that can be no tenant's.
"""

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
        row = get(self.dynamodb, self.table, _key(tenant, collection))
        return Size(int(row["chunk_tokens"]), int(row["chunk_overlap_tokens"])) if row else self.default

    def set_size(self, tenant: str, collection: str, size: Size) -> None:
        """From now on, split a collection's documents so. Those that are split already stay as they are."""
        row = {"chunk_tokens": size.tokens, "chunk_overlap_tokens": size.overlap}
        self.dynamodb.put_item(TableName=self.table, Item=to_item({**_key(tenant, collection), **row}))


def _key(tenant: str, collection: str) -> dict[str, str]:
    return {"tenant": f"collections#{tenant}", "document_id": collection}
