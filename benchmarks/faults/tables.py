"""The state of a run: the ledger's table as template.yaml has it, a table each for the effects and for Powertools."""

from typing import Any

import boto3
import yaml

from benchmarks.faults import effects
from benchmarks.faults.stage import BUCKET, IDEMPOTENCY_TABLE
from local.setup import ROOT

_WANTED = ("KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes")


class _Template(yaml.SafeLoader):
    """YAML whose CloudFormation tags are nothing to a table's keys."""


_Template.add_multi_constructor("!", lambda *_: None)


def make() -> None:
    """Make the tables and the bucket."""
    template = yaml.load((ROOT / "template.yaml").read_text(), Loader=_Template)
    ledger = template["Resources"]["LedgerTable"]["Properties"]
    _table("LedgerTable", {name: ledger[name] for name in _WANTED if name in ledger})
    _table(effects.TABLE, {"KeySchema": effects.KEY_SCHEMA, "AttributeDefinitions": effects.ATTRIBUTES})
    _table(
        IDEMPOTENCY_TABLE,
        {
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        },
    )
    boto3.client("s3").create_bucket(Bucket=BUCKET)


def _table(name: str, keys: dict[str, Any]) -> None:
    boto3.client("dynamodb").create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **keys)
