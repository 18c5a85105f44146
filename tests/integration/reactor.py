"""The bus and its consumers in this process: the streams, rules and queues of template.yaml, in moto."""

import json
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.config import Config

from quadrille import clients
from quadrille.config import settings
from tests.integration import house as harness
from tests.integration.agent import Agent
from tests.integration.house import House, sqs_event
from tests.template import TEMPLATE

TABLES = ("DocumentsTable", "TasksTable", "CasesTable")


def rules() -> dict[str, tuple[Any, str]]:
    """The rules of the bus: of each its pattern and the queue of its target, by the target's id."""
    found = [each["Properties"] for each in TEMPLATE["Resources"].values() if each["Type"] == "AWS::Events::Rule"]
    return {
        target["Id"]: (rule["EventPattern"], target["Arn"]["Fn::GetAtt"].split(".")[0])
        for rule in found
        if "EventBusName" in rule
        for target in rule["Targets"]
    }


@dataclass
class Reactor:
    """What happens because something happened. `seen` are the events that were published, `down` who takes none."""

    house: House
    agent: Agent
    monkeypatch: pytest.MonkeyPatch
    urls: dict[str, str] = field(default_factory=dict)
    seen: list[dict[str, Any]] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    receives: dict[str, str] = field(default_factory=dict)
    _read: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        events = boto3.client("events")
        for name, (pattern, queue) in rules().items():
            url = self.house.sqs.create_queue(QueueName=queue, Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
            arn = f"arn:aws:sqs:us-east-1:123456789012:{queue}"
            events.put_rule(Name=name, EventBusName="quadrille", EventPattern=json.dumps(pattern))
            events.put_targets(Rule=name, EventBusName="quadrille", Targets=[{"Id": name, "Arn": arn}])
            self.urls[name] = url

    def call(self, function: str, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        """Status and body of an HTTP call of this tenant."""
        return self.house.call(
            f"react/{function}", method, path, body, **{"tenant": self.agent.tenant, "scopes": "react", **more}
        )

    def settle(self, *, at_most: int = 2_000) -> None:
        """Work until nothing more happens."""
        for _ in range(at_most):
            self.house.settle()
            self.agent.work()
            if not self.publish() + self.consume():
                return
        raise AssertionError("what happens never ends")

    def publish(self) -> int:
        """Let the streams' records be published; how many there were."""
        return sum(self._publish(table) for table in TABLES)

    def _publish(self, table: str) -> int:
        found = self._new(table)
        records = [record for record in found if "emits" in record["dynamodb"].get("NewImage", {})]
        if records:
            harness.invoke("react/publish", {"Records": records})
            self.seen += [event.model_dump() for event in map(_emitted, records) if event]
        return len(records)

    def _new(self, table: str) -> list[Any]:
        """The records of a table's stream since the last look. In moto a transaction that fails ends every iterator."""
        streams = _streams()
        arn = boto3.client("dynamodb").describe_table(TableName=table)["Table"]["LatestStreamArn"]
        shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
        where: dict[str, str] = {"ShardIteratorType": "TRIM_HORIZON"}
        if table in self._read:
            where = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self._read[table]}
        iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, **where)["ShardIterator"]
        records: list[Any] = streams.get_records(ShardIterator=iterator)["Records"]
        if records:
            self._read[table] = records[-1]["dynamodb"]["SequenceNumber"]
        return records

    def consume(self) -> int:
        """Let each consumer take what is in its queue; how many messages were done."""
        return sum(self.take(name) for name in self.urls if name not in self.down)

    def take(self, name: str) -> int:
        """Let one consumer take a batch of messages; how many it has done."""
        url = self.urls[name]
        answer = self.house.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["ApproximateReceiveCount"]
        )
        messages = answer.get("Messages", [])
        if not messages:
            return 0
        self.monkeypatch.setenv("QUEUE_URL", url)
        settings.cache_clear()
        failed = harness.invoke(f"react/{name}", sqs_event(*messages))["batchItemFailures"]
        again = {each["itemIdentifier"] for each in failed}
        for message in messages:
            if message["MessageId"] not in again:
                self.house.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(messages) - len(again)

    def kinds(self) -> list[str]:
        """The types of the events that were published, in order."""
        return [event["type"] for event in self.seen]


def _streams() -> Any:
    """The client of the tables' streams; moto knows no endpoints with an account's id."""
    return boto3.client("dynamodbstreams", config=Config(account_id_endpoint_mode="disabled"))


def _emitted(record: Any) -> Any:
    from quadrille.events import Envelope
    from quadrille.react.publishing import _emitted as emitted

    new = emitted(record)
    return Envelope.model_validate_json(new["event"]) if new else None


def depth(name: str) -> int:
    """How many messages a consumer's queue holds."""
    return clients.queue(clients.sqs().get_queue_url(QueueName=name)["QueueUrl"]).depth()


def cloud_event(type_: str, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A CloudEvent as somebody posts it."""
    return {"specversion": "1.0", "id": "1", "source": "/tests", "type": type_, "data": data, **more}
