"""Quadrille's own `classify` in this process, over AWS in this process and the model that is asked for."""

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import partial

import boto3
import pytest
from moto import mock_aws

from benchmarks.sorting.letters import Text
from local.models.server_process import run_server
from local.stack.places import Stop, dotenv
from quadrille import clients
from quadrille.calls import Payer
from quadrille.desks import DeskSettings
from quadrille.errors import Unusable
from quadrille.react.classifying import Letter, classify
from quadrille.receipts import Receipt
from tests.integration.conftest import TABLES, make_table, patched
from tests.integration.house import build, reset_caches

_REAL = ("CHAT_MODEL", "PRICE_OVERRIDES")
_MODEL = "gpt-6-luna"  # as the template has it
_SECONDS = 60
_BATCH = 25

Sort = Callable[[Sequence[Text], DeskSettings], tuple[list[str], Decimal]]


@contextmanager
def sorting(*, real: bool) -> Iterator[Sort]:
    """What sorts letters, and says what that cost."""
    logging.disable()
    with run_server() as models:
        yield partial(_sorted, models=models, real=real)
    logging.disable(logging.NOTSET)


def _sorted(texts: Sequence[Text], desk: DeskSettings, *, models: str, real: bool) -> tuple[list[str], Decimal]:
    """In batches, each over an AWS of its own: this one copies its tables for every transaction."""
    found: list[str] = []
    cost = Decimal(0)
    for start in range(0, len(texts), _BATCH):
        with _house(models, real=real):
            for text in texts[start : start + _BATCH]:
                category, paid = _sort(text, desk)
                found.append(category)
                cost += paid
    return found, cost


def _sort(text: Text, desk: DeskSettings) -> tuple[str, Decimal]:
    ends_at = time.time() + _SECONDS
    payer = Payer("bench", "emails/1", deadline=ends_at, ends_at=ends_at)
    letter = Letter(subject=text.subject, text=text.text)
    try:
        labels, receipt = classify(letter, payer, models=clients.models(), desk=desk)
    except Unusable as error:
        return "", (error.receipt or Receipt()).cost_usd
    return labels.category, receipt.cost_usd


@contextmanager
def _house(models: str, *, real: bool) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patched(patch)
        for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": "us-east-1"}.items():
            patch.setenv(f"AWS_{name}", value)
        patch.setenv("POWERTOOLS_METRICS_DISABLED", "true")
        patch.setenv("DAILY_BUDGET_USD", "1000")
        dynamodb = boto3.client("dynamodb")
        build(patch, {variable: make_table(dynamodb, name) for variable, name in TABLES.items()}, models, "http://x")
        if real:
            _real(patch)
        yield
    reset_caches()


def _real(patch: pytest.MonkeyPatch) -> None:
    """OpenAI instead of the offline model. Raises `Stop` without a key."""
    given = {**dotenv(), **os.environ}
    if not given.get("OPENAI_API_KEY"):
        raise Stop("--real needs OPENAI_API_KEY, in .env or in the environment.")
    boto3.client("secretsmanager").put_secret_value(SecretId="openai", SecretString=given["OPENAI_API_KEY"])
    patch.setenv("OPENAI_BASE_URL", given.get("OPENAI_BASE_URL", ""))
    patch.setenv("CHAT_MODEL", _MODEL)
    patch.delenv("PRICE_OVERRIDES")
    for name in _REAL:
        if given.get(name) and name not in os.environ:
            patch.setenv(name, given[name])
    reset_caches()
