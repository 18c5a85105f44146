"""The handlers in this process: AWS is moto, the model and the vector store are the offline servers."""

import importlib.util
import json
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any
from urllib.request import Request, urlopen
from uuid import uuid4

import boto3
import pytest

from local.stack.places import ROOT
from quadrille import clients
from quadrille.config import settings

CONTEXT = type(
    "Context",
    (),
    {
        "function_name": "f",
        "memory_limit_in_mb": 512,
        "invoked_function_arn": "arn:aws:lambda:us-east-1:000000000000:function:f",
        "aws_request_id": "00000000-0000-4000-8000-000000000000",
        "get_remaining_time_in_millis": lambda self: 28_000,
    },
)()
QUEUES = ("extract", "ocr", "chunk", "embed", "summarize", "index", "erase")


@cache
def handler(function: str) -> ModuleType:
    """A function's app.py."""
    spec = importlib.util.spec_from_file_location(function.replace("/", "_"), ROOT / "functions" / function / "app.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def invoke(function: str, event: dict[str, Any]) -> dict[str, Any]:
    """What a function answers."""
    answer: dict[str, Any] = handler(function).lambda_handler(event, CONTEXT)
    return answer


def reset_caches() -> None:
    """Forget every client and setting of the test before."""
    for cached in (settings, *(value for value in vars(clients).values() if hasattr(value, "cache_clear"))):
        cached.cache_clear()
    from aws_lambda_powertools.utilities import parameters

    parameters.clear_caches()


@dataclass
class House:
    """Buckets, tables and queues, and a way to let the pipeline work until nothing is left."""

    s3: Any
    sqs: Any
    urls: dict[str, str]
    sequence: int = 0
    files: dict[str, str] = field(default_factory=dict)

    def drop(self, key: str, data: bytes, *, about: dict[str, str] | None = None) -> dict[str, Any]:
        """Put a file and give the event S3 would publish."""
        answer = self.s3.put_object(Bucket="bucket", Key=key, Body=data, Metadata=about or {})
        self.files[key] = answer["ETag"]
        return self._publish("extract", "Object Created", key, size=len(data), etag=answer["ETag"].strip('"'))

    def remove(self, key: str) -> None:
        """Remove a file from the bucket and give the event S3 would publish."""
        self.s3.delete_object(Bucket="bucket", Key=key)
        self.files.pop(key, None)
        self._publish("erase", "Object Deleted", key)

    def echo(self) -> int:
        """Give the events S3 would publish for files the functions have put and removed; how many there are."""
        objects = self.s3.list_objects_v2(Bucket="bucket", Prefix="uploads/").get("Contents", [])
        there = {item["Key"]: item for item in objects}
        new = [key for key, item in there.items() if self.files.get(key) != item["ETag"]]
        for key in new:
            self._publish("extract", "Object Created", key, size=there[key]["Size"], etag=there[key]["ETag"].strip('"'))
        gone = self.files.keys() - there.keys()
        for key in gone:
            self._publish("erase", "Object Deleted", key)
        self.files = {key: item["ETag"] for key, item in there.items()}
        return len(new) + len(gone)

    def settle(self) -> None:
        """Work until there are neither messages nor events."""
        self.work()
        while self.echo():
            self.work()

    def _publish(self, stage: str, what: str, key: str, **more: Any) -> dict[str, Any]:
        self.sequence += 1
        item = {"key": key, **more, "sequencer": f"{self.sequence:016X}"}
        event = {"detail-type": what, "detail": {"bucket": {"name": "bucket"}, "object": item}}
        self.sqs.send_message(QueueUrl=self.urls[stage], MessageBody=json.dumps(event))
        return event

    def work(self, *stages: str, at_most: int = 100) -> int:
        """Let the stages take messages until there are none; how many were taken."""
        taken = 0
        while batch := [pair for stage in stages or QUEUES for pair in self._receive(stage)]:
            for stage, message in batch:
                taken += 1
                assert taken < at_most, f"a message fails for ever: {stage} {message['Body'][:200]}"
                self._deliver(stage, message)
        return taken

    def _receive(self, stage: str) -> list[tuple[str, dict[str, Any]]]:
        answer = self.sqs.receive_message(
            QueueUrl=self.urls[stage], MaxNumberOfMessages=10, AttributeNames=["ApproximateReceiveCount"]
        )
        return [(stage, message) for message in answer.get("Messages", [])]

    def _deliver(self, stage: str, message: dict[str, Any]) -> None:
        failed = invoke(f"ingest/{stage}", sqs_event(message))["batchItemFailures"]
        if not failed:
            self.sqs.delete_message(QueueUrl=self.urls[stage], ReceiptHandle=message["ReceiptHandle"])

    def script(self, match: str, *replies: dict[str, Any]) -> None:
        """Let the offline model reply so to whoever says `match`, one after the other."""
        url = settings().openai_base_url.removesuffix("/v1") + "/scripts"
        data = json.dumps({"match": match, "replies": replies}).encode()
        urlopen(Request(url, data, method="PUT"), timeout=10).close()

    def call(self, function: str, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, dict[str, Any]]:
        """Status and body of an HTTP call, as the gateway makes it."""
        answer = invoke(function, http_event(method, path, body, **more))
        return answer["statusCode"], json.loads(answer["body"])


def sqs_event(*messages: dict[str, Any], receives: int | None = None) -> dict[str, Any]:
    """Received messages as a Lambda gets them."""
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": {
                    "ApproximateReceiveCount": str(receives or message["Attributes"]["ApproximateReceiveCount"])
                },
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:queue",
            }
            for message in messages
        ]
    }


def http_event(
    method: str,
    path: str,
    body: Any = None,
    *,
    tenant: str = "acme",
    scopes: str = "ask ingest",
    query: Any = None,
    headers: dict[str, str] | None = None,
) -> dict[str, Any]:
    """A request as the gateway hands it on, after the authorizer."""
    return {
        "path": path,
        "httpMethod": method,
        "headers": {"content-type": "application/x-www-form-urlencoded", **(headers or {})},  # as `curl -d` sends it
        "queryStringParameters": query,
        "requestContext": {
            "requestId": str(uuid4()),
            "httpMethod": method,
            "path": path,
            "authorizer": {"tenant": tenant, "key_id": "k", "scopes": scopes},
        },
        "body": body if isinstance(body, str) or body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def _queue(sqs: Any, name: str) -> str:
    """A stage's queue and its dead-letter queue, which gets only what a test puts there."""
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "1000"})
    url: str = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "0", "RedrivePolicy": redrive})[
        "QueueUrl"
    ]
    return url


def build(monkeypatch: pytest.MonkeyPatch, tables: dict[str, str], models: str, vectors: str) -> House:
    """The environment template.yaml gives a function, and what it names."""
    s3, sqs, secrets = boto3.client("s3"), boto3.client("sqs"), boto3.client("secretsmanager")
    s3.create_bucket(Bucket="bucket")
    boto3.client("events").create_event_bus(Name="quadrille")
    urls = {name: _queue(sqs, name) for name in QUEUES}
    for name in ("openai", "pinecone"):
        secrets.create_secret(Name=name, SecretString="offline")
    prices = {
        "offline-extractive-chat": {"input": "0.1", "output": "0.5"},
        "offline-hashed-embedding": {"input": "0.02"},
        "pinecone-sparse-english-v0": {"input": "0.08"},
        "bge-reranker-v2-m3": {"request": "0.002"},
    }
    environment = {
        **tables,
        **{f"{name.upper()}_QUEUE_URL": url for name, url in urls.items()},
        "BUCKET": "bucket",
        "OPENAI_SECRET": "openai",
        "OPENAI_BASE_URL": models,
        "CHAT_MODEL": "offline-extractive-chat",
        "EMBEDDING_MODEL": "offline-hashed-embedding",
        "PINECONE_SECRET": "pinecone",
        "PINECONE_INDEX_HOST": vectors,
        "PINECONE_INFERENCE_HOST": vectors,
        "PRICE_OVERRIDES": json.dumps(prices),
        "BUDGET_RECHECK_SECONDS": "1",
        "LATE_ERASURE_SECONDS": "1",
        "EVENT_BUS": "quadrille",
        "SOURCES_PREFIX": "/quadrille/sources",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    reset_caches()
    return House(s3, sqs, urls)
