"""The effect of a message: its result goes downstream, as one row. The same for every handler.
A result carries the number of the bill it was paid with, so two payments of one unit are two effects."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

TABLE = "effects"
KEY_SCHEMA = [{"AttributeName": "unit", "KeyType": "HASH"}, {"AttributeName": "bill", "KeyType": "RANGE"}]
ATTRIBUTES = [{"AttributeName": "unit", "AttributeType": "S"}, {"AttributeName": "bill", "AttributeType": "N"}]


def publish(dynamodb: "DynamoDBClient", unit: str, vector: Sequence[float]) -> None:
    """Send a unit's result downstream. The provider wrote the bill's number into the vector's first component."""
    dynamodb.put_item(TableName=TABLE, Item={"unit": {"S": unit}, "bill": {"N": str(int(vector[0]))}})


def published(dynamodb: "DynamoDBClient") -> Counter[str]:
    """How many effects each unit had."""
    pages = dynamodb.get_paginator("scan").paginate(TableName=TABLE, ConsistentRead=True)
    return Counter(item["unit"]["S"] for page in pages for item in page["Items"])
