"""The connections table: who is at the other end of a WebSocket, what they have asked, and what they watch.

An ask is a row for as long as somebody wants its answer: to cancel it, or to close the connection, is to delete the
row. A watch lies under what it watches, so a change finds its watchers in one read that misses none.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quadrille.errors import Invalid, NotFound
from quadrille.keys import Principal
from quadrille.rows import Row, from_item, get, to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

_CONNECTION_SECONDS = 7_200 + 300  # the gateway closes one after two hours
_ASK_SECONDS = 300  # longer than an answer takes: what died without a word is wanted no more


@dataclass(frozen=True, slots=True)
class Connection:
    """An open connection, the key it was opened with, and how many asks are under way on it."""

    id: str
    key_id: str
    asks: int


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who watches something: a connection, and the id of the frame that asked for it."""

    connection_id: str
    id: str


@dataclass(frozen=True, slots=True)
class Connections:
    """Rows `connection#<id>` of a connection and its asks, and `watch#<tenant>/<resource>` of what is watched."""

    table: str
    dynamodb: "DynamoDBClient"
    now: Callable[[], float]

    def open(self, connection_id: str, who: Principal) -> None:
        """Note whose a new connection is."""
        whose = {"tenant": who.tenant, "key_id": who.key_id, "watches": 0}
        self._put(_connection(connection_id) | whose, _CONNECTION_SECONDS)

    def find(self, connection_id: str) -> Connection:
        """An open connection. Raises `NotFound`."""
        rows = {row["sk"]: row for row in self._under(_connection(connection_id)["pk"])}
        mine = rows.pop("-", None)
        if mine is None:
            raise NotFound("This connection is closed.")
        return Connection(connection_id, mine["key_id"], asks=sum(map(self._holds, rows.values())))

    def close(self, connection_id: str) -> None:
        """Forget a connection. Nobody wants its answers any more; its watches end with the next change, or in time."""
        for row in self._under(_connection(connection_id)["pk"]):
            self._delete({"pk": row["pk"], "sk": row["sk"]})

    def ask(self, connection_id: str, id: str, *, turn: str) -> None:
        """Note that an answer is wanted; `turn` tells it from another of the same id. Raises `Invalid`."""
        try:
            self._put(
                _ask(connection_id, id) | {"turn": turn},
                _ASK_SECONDS,
                ConditionExpression="attribute_not_exists(pk) OR expires_at < :now",
                ExpressionAttributeValues=to_item({":now": int(self.now())}),
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            raise Invalid("id", f"{id!r} is the id of another ask that is under way on this connection") from None

    def begin(self, connection_id: str, id: str, *, turn: str) -> bool:
        """Take an answer on; false if that was done before or nobody wants it any more."""
        try:
            self.dynamodb.update_item(
                TableName=self.table,
                Key=to_item(_ask(connection_id, id)),
                UpdateExpression="SET begun = :true",
                ConditionExpression="turn = :turn AND attribute_not_exists(begun)",
                ExpressionAttributeValues=to_item({":turn": turn, ":true": True}),
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def wants(self, connection_id: str, id: str, *, turn: str) -> bool:
        """Whether an answer is still wanted."""
        row = get(self.dynamodb, self.table, _ask(connection_id, id), consistent=False)
        return row is not None and row["turn"] == turn

    def end(self, connection_id: str, id: str, *, turn: str) -> None:
        """Note that an answer was given."""
        if self.wants(connection_id, id, turn=turn):
            self._delete(_ask(connection_id, id))

    def cancel(self, connection_id: str, id: str) -> None:
        """Note that an answer is not wanted any more. Raises `NotFound` if none of this id is under way."""
        if not self._delete(_ask(connection_id, id)):
            raise NotFound(f"No ask of the id {id!r} is under way on this connection.")

    def watch(self, watcher: Watcher, tenant: str, resource: str, *, seconds: int, limit: int) -> None:
        """Watch something for so long. A connection may begin to do so `limit` times. Raises `Invalid`."""
        try:
            self.dynamodb.update_item(
                TableName=self.table,
                Key=to_item(_connection(watcher.connection_id)),
                UpdateExpression="ADD watches :one",
                ConditionExpression="watches < :limit",
                ExpressionAttributeValues=to_item({":one": 1, ":limit": limit}),
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            raise Invalid("resource", f"a connection may watch {limit} times; open another one") from None
        self._put(_watch(watcher, tenant, resource), seconds)

    def watchers(self, tenant: str, resource: str) -> list[Watcher]:
        """Who of a tenant watches something now."""
        rows = self._under(f"watch#{tenant}/{resource}")
        return [Watcher(*row["sk"].split("#", 1)) for row in rows if self._holds(row)]

    def unwatch(self, watcher: Watcher, tenant: str, resource: str) -> None:
        """Watch it no more."""
        self._delete(_watch(watcher, tenant, resource))

    def _holds(self, row: Row) -> bool:
        """Whether a row has not expired; DynamoDB takes its time to delete one that has."""
        return bool(row["expires_at"] > self.now())

    def _under(self, pk: str) -> list[Row]:
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_item({":pk": pk}),
            ConsistentRead=True,
        )
        return [from_item(item) for page in pages for item in page["Items"]]

    def _put(self, row: Row, seconds: int, **condition: Any) -> None:
        item = to_item({**row, "expires_at": int(self.now()) + seconds})
        self.dynamodb.put_item(TableName=self.table, Item=item, **condition)

    def _delete(self, key: dict[str, str]) -> bool:
        """Whether there was such a row."""
        return bool(
            self.dynamodb.delete_item(TableName=self.table, Key=to_item(key), ReturnValues="ALL_OLD").get("Attributes")
        )


def _connection(id: str) -> dict[str, str]:
    return {"pk": f"connection#{id}", "sk": "-"}


def _ask(connection_id: str, id: str) -> dict[str, str]:
    return {"pk": f"connection#{connection_id}", "sk": f"ask#{id}"}


def _watch(watcher: Watcher, tenant: str, resource: str) -> dict[str, str]:
    return {"pk": f"watch#{tenant}/{resource}", "sk": f"{watcher.connection_id}#{watcher.id}"}
