"""Quadrille's own door: `Models.embed` pays through the ledger, then the result is published.
Every object of Quadrille's is made here and nowhere else in the benchmark."""

import struct
from decimal import Decimal
from typing import Any

import boto3
from aws_lambda_powertools.utilities.circuit_breaker.persistence import CircuitBreakerDynamoDBPersistence
from openai import OpenAI

from benchmarks.faults import effects
from benchmarks.faults.stage import BUCKET, DIMENSIONS, MODEL, Context, Stage
from quadrille.blobs import Blobs
from quadrille.budgets import SCOPES, Budget, Limits
from quadrille.calls import Payer
from quadrille.claims import Claims
from quadrille.errors import BudgetExceeded
from quadrille.gate import Gate
from quadrille.ledger import Ledger
from quadrille.llm import Models
from quadrille.prices import Prices, Usage
from quadrille.purposes import Purpose
from quadrille.rows import from_item

_TABLE = "LedgerTable"
_TENANT = "benchmark"
_PURPOSE = Purpose("benchmark", room="ingest", sends=10)  # as often as the queue delivers


class QuadrilleHandler:
    """`as_blob` keeps the result in the bucket, as the stage embed does; without it, it is in the call's row."""

    def __init__(self, stage: Stage, *, as_blob: bool) -> None:
        self._as_blob = as_blob
        self._dynamodb = stage.dynamodb
        self._openai = OpenAI(api_key="any", base_url=stage.provider, max_retries=0)
        self._prices = Prices({})
        clock = stage.clock
        limits = Limits(_TABLE, stage.dynamodb, dict.fromkeys(SCOPES, Decimal(1_000)), now=clock.now)
        claims = Claims(
            _TABLE, stage.dynamodb, Blobs(BUCKET, boto3.client("s3")), days=30, now=clock.now, sleep=clock.sleep
        )
        self._models = Models(
            client=lambda: self._openai,
            ledger=Ledger(claims, limits, _unannounced, inline_bytes=16 * 1024),
            gate=Gate(_TABLE, stage.dynamodb, _circuits(stage), rates={}, now=clock.now, sleep=clock.sleep),
            prices=self._prices,
            embedding_model=MODEL,
            dimensions=DIMENSIONS,
            chat_model=MODEL,
            now=clock.now,
            sleep=clock.sleep,
        )

    def handle(self, unit: str, text: str, context: Context) -> None:
        payer = Payer(_TENANT, f"documents/{unit}/1/0", context.deadline, ends_at=context.deadline)
        paid = self._models.embed([text], payer, purpose=_PURPOSE, as_blob=self._as_blob)
        effects.publish(self._dynamodb, unit, struct.unpack_from("<f", paid.packed))

    def books(self, billed_tokens: int) -> dict[str, Any]:
        """US dollars as strings: `spent` by the budgets, `held` for calls nobody ended, `billed` by the provider."""
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=_TABLE, ConsistentRead=True)
        rows = [from_item(item) for page in pages for item in page["Items"]]
        budgets = [row for row in rows if "committed" in row]
        spent = sum((row["spent"] for row in budgets), Decimal(0))
        return {
            "spent": f"{spent:.8f}",
            "held": f"{sum((row['committed'] for row in budgets), Decimal(0)) - spent:.8f}",
            "ambiguous": sum(int(row.get("ambiguous", 0)) for row in rows),
            "billed": f"{self._prices.cost(MODEL, Usage(billed_tokens)):.8f}",
        }


def _circuits(stage: Stage) -> CircuitBreakerDynamoDBPersistence:
    return CircuitBreakerDynamoDBPersistence(
        _TABLE, key_attr="pk", static_pk_value="circuit", sort_key_attr="sk", boto3_client=stage.dynamodb
    )


def _unannounced(budget: Budget, refusal: BudgetExceeded) -> None:
    """Nobody listens here."""


def make(stage: Stage) -> QuadrilleHandler:
    return QuadrilleHandler(stage, as_blob=False)
