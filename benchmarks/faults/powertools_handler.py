"""The naive handler under the Idempotency utility of Powertools for AWS Lambda, as its documentation recommends.
Keyed by the message's unit, in DynamoDB, with the Lambda context registered so that a killed run's record expires."""

from typing import Any

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)

from benchmarks.faults.naive_handler import NaiveHandler
from benchmarks.faults.stage import IDEMPOTENCY_TABLE, Context, Stage


class PowertoolsHandler:
    def __init__(self, stage: Stage) -> None:
        self._config = IdempotencyConfig(event_key_jmespath="unit")
        store = DynamoDBPersistenceLayer(table_name=IDEMPOTENCY_TABLE, boto3_client=stage.dynamodb)
        naive = NaiveHandler(stage)

        @idempotent_function(  # type: ignore[untyped-decorator]
            data_keyword_argument="record", config=self._config, persistence_store=store
        )
        def process(record: dict[str, str]) -> dict[str, str]:
            naive.embed_and_publish(record["unit"], record["text"])
            return {"unit": record["unit"]}

        self._process: Any = process

    def handle(self, unit: str, text: str, context: Context) -> None:
        self._config.register_lambda_context(context)  # type: ignore[arg-type]
        self._process(record={"unit": unit, "text": text})


def make(stage: Stage) -> PowertoolsHandler:
    return PowertoolsHandler(stage)
