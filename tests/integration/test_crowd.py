"""A hundred callers at once against a small cap."""

import threading
import time
from typing import Any

import pytest
from botocore.client import BaseClient

from benchmarks import crowd
from quadrille.blobs import Blobs
from quadrille.budgets import Limits
from quadrille.claims import Claims
from quadrille.ledger import Ledger
from tests.integration.conftest import make_table


@pytest.fixture
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """moto's transactions are not atomic among threads; DynamoDB's are."""
    lock, call = threading.Lock(), BaseClient._make_api_call

    def locked(*args: Any) -> Any:
        with lock:
            return call(*args)

    monkeypatch.setattr(BaseClient, "_make_api_call", locked)


def test_a_crowd_never_spends_over_the_cap_and_is_never_refused_what_is_there(
    one_at_a_time: None, dynamodb: Any, blobs: Blobs
) -> None:
    limits = Limits(make_table(dynamodb, "LedgerTable"), dynamodb, {"day": crowd.CAP}, now=time.time)
    claims = Claims(limits.table, dynamodb, blobs, days=1, now=time.time, sleep=time.sleep)
    ledger = Ledger(claims, limits, crowd.unannounced, inline_bytes=1_000)
    seen = crowd.run(ledger, "acme", callers=100, seed=7)
    assert (seen.overshoot, seen.false_refusals) == (0, 0)
    assert seen.paid + len(seen.refusals) == 100
    assert crowd.CAP - crowd.CEILING < seen.billed == crowd.spent(ledger, "acme")
    assert crowd.left_reserved(ledger, "acme") == 0
