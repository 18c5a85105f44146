"""The tables and the bucket of template.yaml, made in moto."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import boto3
import pytest
from moto import mock_aws

from quadrille.blobs import Blobs
from quadrille.documents import Documents
from quadrille.keys import Keys
from quadrille.ledger import Call, Ledger, Reply
from quadrille.receipts import Receipt
from tests.template import TEMPLATE


@dataclass
class Clock:
    """Time that passes when somebody sleeps."""

    time: float = 1_800_000_000.0
    sleeps: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.time += seconds


@pytest.fixture
def aws() -> Iterator[None]:
    with mock_aws():
        yield


def make_table(dynamodb: Any, logical_id: str) -> str:
    """A table as the template has it, without what moto does not need."""
    properties = TEMPLATE["Resources"][logical_id]["Properties"]
    wanted = ("BillingMode", "KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes")
    dynamodb.create_table(TableName=logical_id, **{name: properties[name] for name in wanted if name in properties})
    return logical_id


@pytest.fixture
def dynamodb(aws: None) -> Any:
    return boto3.client("dynamodb")


@pytest.fixture
def blobs(aws: None) -> Blobs:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="bucket")
    return Blobs("bucket", s3)


@pytest.fixture
def documents(dynamodb: Any) -> Documents:
    return Documents(make_table(dynamodb, "DocumentsTable"), dynamodb)


@pytest.fixture
def keys(dynamodb: Any) -> Keys:
    return Keys(make_table(dynamodb, "KeysTable"), dynamodb)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(dynamodb: Any, blobs: Blobs, clock: Clock) -> Ledger:
    return Ledger(
        table=make_table(dynamodb, "LedgerTable"),
        dynamodb=dynamodb,
        blobs=blobs,
        daily_limit=Decimal("1"),
        days=30,
        inline_bytes=1_000,
        now=clock.now,
        sleep=clock.sleep,
    )


@pytest.fixture
def call(clock: Clock) -> Callable[..., Call]:
    def make(**changes: Any) -> Call:
        values: dict[str, Any] = {
            "tenant": "acme",
            "purpose": "answer",
            "model": "m",
            "request": {"input": "hello"},
            "subject": "answers/1",
            "ceiling": Decimal("0.10"),
            "deadline": clock.now() + 20,
        }
        return Call(**(values | changes))

    return make


@dataclass
class Provider:
    """A provider that counts what it is paid."""

    cost: Decimal = Decimal("0.04")
    result: bytes = b"reply"
    bills: int = 0

    def __call__(self) -> Reply:
        self.bills += 1
        return Reply(self.result, Receipt(cost_usd=self.cost, calls=1, input_tokens=3, models=("m",)))


@pytest.fixture
def provider() -> Provider:
    return Provider()
