"""What the ledger itself costs beside the calls it guards, in DynamoDB write units of a real run against moto.

`python -m benchmarks.ledger_cost` pays three typical calls and weighs every row they wrote. A transaction takes two
units per begun kilobyte of each row, an entry of the index one (DynamoDB's developer guide, "Read and write capacity").
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from math import ceil
from typing import Any

import boto3
from moto import mock_aws

from benchmarks.crowd import unannounced
from benchmarks.faults import tables
from benchmarks.faults.aws import patch_moto
from benchmarks.faults.stage import BUCKET
from quadrille.blobs import Blobs
from quadrille.budgets import Limits
from quadrille.calls import Call, Reply
from quadrille.claims import Claims
from quadrille.ledger import Ledger
from quadrille.prices import Prices, Usage
from quadrille.purposes import ANSWER, DOCUMENT, QUESTION, Purpose
from quadrille.receipts import Receipt
from quadrille.rows import from_item

_EMBEDDING, _CHAT = "text-embedding-3-small", "gpt-6-luna"
_INDEX_WRITES = 2  # the claim enters the index `open`, the settlement leaves it
_KILOBYTE = 1024
_DOCUMENT = "doc_abcdefghijklmnopqrstuvwx/1"


@dataclass(frozen=True)
class Case:
    """A typical call: its tokens, the bytes of its result, and how many documents it draws on."""

    name: str
    purpose: Purpose
    model: str
    usage: Usage
    result: int
    as_blob: bool = False
    sources: int = 0


_CASES = (
    Case("a question's embedding", QUESTION, _EMBEDDING, Usage(15), 6_144),
    Case("an answer out of four", ANSWER, _CHAT, Usage(3_400, 150), 900, sources=4),
    Case("a batch of 128 chunks", DOCUMENT, _EMBEDDING, Usage(128 * 350), 128 * 6_144, as_blob=True),
)


def main(arguments: list[str]) -> int:
    """Pay, weigh and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ledger_cost", description=__doc__)
    parser.add_argument(
        "--write-price", type=Decimal, default=Decimal("0.625"), help="US dollars a million units (0.625)"
    )
    parser.add_argument("--put-price", type=Decimal, default=Decimal("5"), help="US dollars a million S3 PUTs (5)")
    given = parser.parse_args(arguments)
    os.environ |= {"POWERTOOLS_METRICS_DISABLED": "true", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    print(f"{'one paid call':26}{'units':>7}{'PUTs':>6}{'the ledger':>14}{'the call':>14}{'ledger/call':>13}")
    patch_moto()
    with mock_aws():
        ledger = _ledger()
        for case in _CASES:
            units, cost = _weigh(ledger, case)
            puts = int(case.as_blob)
            own = (units * given.write_price + puts * given.put_price) / 1_000_000
            print(f"{case.name:26}{units:7}{puts:6}{own:14.8f}{cost:14.8f}{own / cost:12.1%}")
    return 0


def _ledger() -> Ledger:
    tables.make()
    dynamodb = boto3.client("dynamodb")
    limits = Limits("LedgerTable", dynamodb, dict.fromkeys(("day", "document", "task"), Decimal(100)), now=time.time)
    claims = Claims(
        "LedgerTable", dynamodb, Blobs(BUCKET, boto3.client("s3")), days=30, now=time.time, sleep=time.sleep
    )
    return Ledger(claims, limits, unannounced, inline_bytes=16 * _KILOBYTE)


def _weigh(ledger: Ledger, case: Case) -> tuple[int, Decimal]:
    """The write units of one call, and what the call costs."""
    dynamodb, units = ledger.claims.dynamodb, [_INDEX_WRITES]
    written: list[dict[str, Any]] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        written[:] = [next(iter(item.values())) for item in params["TransactItems"]]

    def weigh(**_: Any) -> None:
        rows = [dynamodb.get_item(TableName=write["TableName"], Key=_key(write))["Item"] for write in written]
        units.extend(2 * ceil(_size(from_item(row)) / _KILOBYTE) for row in rows)

    hooks: dict[str, Callable[..., None]] = {"provide-client-params": note, "after-call": weigh}
    for event, hook in hooks.items():
        dynamodb.meta.events.register(f"{event}.dynamodb.TransactWriteItems", hook)
    cost = Prices({}).cost(case.model, case.usage)
    receipt = Receipt(cost, calls=1, input_tokens=case.usage.input_tokens, models=(case.model,))
    ledger.pay(_call(case, ceiling=cost * 4), lambda: Reply(os.urandom(case.result), receipt))
    for event, hook in hooks.items():
        dynamodb.meta.events.unregister(f"{event}.dynamodb.TransactWriteItems", hook)
    return sum(units), cost


def _call(case: Case, *, ceiling: Decimal) -> Call:
    now = time.time()
    return Call(
        tenant="acme",
        purpose=case.purpose,
        model=case.model,
        request={"input": case.name},
        subject="subject/1",
        ceiling=ceiling,
        deadline=now + 20,
        ends_at=now + 22,
        document=_DOCUMENT if case.as_blob else "",
        as_blob=case.as_blob,
        sources=tuple(f"{_DOCUMENT}{number}" for number in range(case.sources)),
    )


def _key(write: dict[str, Any]) -> dict[str, Any]:
    return {name: (write.get("Key") or write["Item"])[name] for name in ("pk", "sk")}


def _size(row: dict[str, Any]) -> int:
    """An item's bytes, near enough: names and values in UTF-8, a number as its digits."""
    return sum(len(name) + len(value if isinstance(value, bytes) else str(value)) for name, value in row.items())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
