"""The benchmark of faults, on a small run: real processes, really killed."""

import boto3
import pytest
from botocore.exceptions import ClientError

from benchmarks.faults import effects, processes
from benchmarks.faults.driver import run


def _run(handler: str):
    return run(handler, messages=60, seed=1)


@pytest.mark.parametrize("handler", ["quadrille", "quadrille_blob"])
def test_the_ledger_pays_once_under_fire(handler):
    outcome = _run(handler)
    assert outcome.ended["killed"] > 0
    assert outcome.window > 0
    assert outcome.misses() == []


@pytest.mark.parametrize("handler", ["naive", "powertools"])
def test_the_peers_pay_again_and_publish_twice(handler):
    outcome = _run(handler)
    assert outcome.factor > 1.002
    assert outcome.duplicate_effects > 0


def test_a_cancelled_transaction_leaves_every_row_as_it_was():
    with processes.server("aws") as address:
        dynamodb = boto3.client("dynamodb", endpoint_url=address)
        effects.publish(dynamodb, "unit", [1.0])
        again = [_put("new", "1"), _put("unit", "1")]
        with pytest.raises(ClientError, match="TransactionCanceled"):
            dynamodb.transact_write_items(TransactItems=again)
        assert effects.published(dynamodb) == {"unit": 1}


def _put(unit: str, bill: str):
    item = {"unit": {"S": unit}, "bill": {"N": bill}}
    return {"Put": {"TableName": effects.TABLE, "Item": item, "ConditionExpression": "attribute_not_exists(bill)"}}
