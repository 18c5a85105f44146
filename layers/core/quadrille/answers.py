"""Cached answers: rows of the ledger table, by tenant, collection and a digest of all that an answer depends on.

An answer holds while its collection's epoch is the one it was made in. One write an answer and none a document: what a
deletion must erase are the answers of earlier epochs, and they lie together.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from quadrille.collections import collection_key
from quadrille.errors import Busy
from quadrille.rows import Row, delete_all, from_item, get, get_from, to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

MOST_DEAD = 2_000  # that are looked at in one go


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers of every tenant, each kept for so many `seconds`."""

    table: str
    documents_table: str
    dynamodb: "DynamoDBClient"
    seconds: int
    now: Callable[[], float]

    def get(self, tenant: str, collection: str, digest: str) -> tuple[int, Row | None]:
        """A collection's epoch, and the answer if it still holds: one request. Raises `RetryLater`."""
        keys = {
            self.documents_table: [collection_key(tenant, collection)],
            self.table: [_key(tenant, collection, digest)],
        }
        found = dict(get_from(self.dynamodb, keys))
        epoch = _epoch(found.get(self.documents_table))
        row = found.get(self.table)
        holds = row and row["epoch"] == epoch and row["expires_at"] > self.now()
        return epoch, row if holds else None

    def put(self, tenant: str, collection: str, digest: str, epoch: int, values: Mapping[str, Any]) -> None:
        """Keep an answer that was made after this epoch was read."""
        row = {**values, "epoch": epoch, "expires_at": int(self.now()) + self.seconds}
        self.dynamodb.put_item(TableName=self.table, Item=to_item({**_key(tenant, collection, digest), **row}))

    def dead(self, tenant: str, collection: str) -> list[dict[str, str]]:
        """The keys of answers of earlier epochs, `MOST_DEAD` at most."""
        epoch = _epoch(get(self.dynamodb, self.documents_table, collection_key(tenant, collection)))
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            FilterExpression="epoch < :epoch",
            ProjectionExpression="pk, sk",
            ExpressionAttributeValues=to_item({":pk": _key(tenant, collection, "")["pk"], ":epoch": epoch}),
            ConsistentRead=True,
        )
        return list(islice((from_item(item) for page in pages for item in page["Items"]), MOST_DEAD))

    def erase(self, keys: Sequence[Mapping[str, str]]) -> None:
        """Delete what `dead` gave. Raises `RetryLater`, and `Busy` if there may be more."""
        delete_all(self.dynamodb, self.table, keys)
        if len(keys) == MOST_DEAD:
            raise Busy("More answers of the collection are cached than one message erases.")


def _epoch(row: Row | None) -> int:
    return int((row or {}).get("epoch", 0))


def _key(tenant: str, collection: str, digest: str) -> dict[str, str]:
    return {"pk": f"answers#{tenant}#{collection}", "sk": digest}
