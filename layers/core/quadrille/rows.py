"""DynamoDB rows as plain dictionaries, and the handful of calls the tables need."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError

from quadrille.errors import RetryLater

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

_KEYS_A_READ = 100
_KEYS_A_WRITE = 25
_KEY_BYTES = 1_024  # of a sort key
_READS = 5
_LIST_PAGES = 20  # read for one page of a filtered list; what is left is behind the cursor
_PASSING = {
    "InternalServerError",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
}
_serializer = TypeSerializer()
_deserializer = TypeDeserializer()

Row = dict[str, Any]


def passes(error: ClientError | BotoCoreError) -> bool:
    """Whether a failed call may succeed when it is made again: a throttle, a conflict, a lost connection."""
    return isinstance(error, BotoCoreError) or error.response["Error"]["Code"] in _PASSING


def to_item(values: Mapping[str, Any]) -> "dict[str, AttributeValueTypeDef]":
    """Python values as DynamoDB attribute values. Numbers are int or Decimal, never float."""
    return {name: _serializer.serialize(value) for name, value in values.items()}


def from_item(item: Mapping[str, Any]) -> Row:
    """DynamoDB attribute values as Python values. Numbers come back as Decimal, binaries as bytes."""
    row = {name: _deserializer.deserialize(value) for name, value in item.items()}
    # The stub of Binary says its bytes are a str.
    return {name: bytes(value) if isinstance(value, Binary) else value for name, value in row.items()}  # type: ignore[call-overload]


def get_all(
    client: "DynamoDBClient", table: str, keys: Sequence[Mapping[str, str]], *, only: str = ""
) -> Iterator[Row]:
    """The rows of these keys that exist, as they are now, in no order; of each all, or the attributes of a projection.

    Raises `RetryLater`.
    """
    for start in range(0, len(keys), _KEYS_A_READ):
        yield from (row for _, row in get_from(client, {table: keys[start : start + _KEYS_A_READ]}, only=only))


def get_from(
    client: "DynamoDBClient", keys: Mapping[str, Sequence[Mapping[str, str]]], *, only: str = ""
) -> Iterator[tuple[str, Row]]:
    """The rows of up to 100 keys by table, each with its table. Raises `RetryLater`."""
    how: Any = {"ConsistentRead": True, **({"ProjectionExpression": only} if only else {})}
    left: Any = {table: {"Keys": [to_item(key) for key in wanted], **how} for table, wanted in keys.items()}
    for _ in range(_READS):
        answer = client.batch_get_item(RequestItems=left)
        for table, items in answer["Responses"].items():
            yield from ((table, from_item(item)) for item in items)
        left = answer.get("UnprocessedKeys")
        if not left:
            return
    raise RetryLater(f"The tables {', '.join(left)} are throttling.")


def put_all(client: "DynamoDBClient", table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put rows, each whole. Raises `RetryLater`."""
    _write(client, table, [{"PutRequest": {"Item": to_item(row)}} for row in rows])


def delete_all(client: "DynamoDBClient", table: str, keys: Sequence[Mapping[str, str]]) -> None:
    """Delete the rows of these keys; one that is not there is no error. Raises `RetryLater`."""
    _write(client, table, [{"DeleteRequest": {"Key": to_item(key)}} for key in keys])


def _write(client: "DynamoDBClient", table: str, requests: Sequence[Any]) -> None:
    for start in range(0, len(requests), _KEYS_A_WRITE):
        some = {table: requests[start : start + _KEYS_A_WRITE]}
        if client.batch_write_item(RequestItems=some).get("UnprocessedItems"):
            raise RetryLater(f"The table {table} is throttling.")


def get(client: "DynamoDBClient", table: str, key: Mapping[str, str], *, consistent: bool = True) -> Row | None:
    """One row, or None, also for a key that no row can have: whoever asks by HTTP may ask for anything."""
    if any(len(part.encode("utf-8", "surrogatepass")) > _KEY_BYTES for part in key.values()):
        return None
    answer = client.get_item(TableName=table, Key=to_item(key), ConsistentRead=consistent)
    return from_item(answer["Item"]) if "Item" in answer else None


def page_of(
    client: "DynamoDBClient", query: Mapping[str, Any], *, limit: int, reads: int = _LIST_PAGES
) -> tuple[list[Row], str | None]:
    """At most `limit` rows of a query of a partition, and the sort key to go on after if there may be more.

    It is read at most `reads` times, each for 1 MB.
    """
    rows: list[Row] = []
    on: dict[str, Any] = {}
    for _ in range(reads):
        answer = client.query(**{**query, **on})
        rows += [from_item(item) for item in answer["Items"]]
        last = answer.get("LastEvaluatedKey")
        if not last or len(rows) >= limit:
            break
        on = {"ExclusiveStartKey": last}
    if len(rows) > limit:
        return rows[:limit], rows[limit - 1]["sk"]
    return rows, from_item(last)["sk"] if last else None
