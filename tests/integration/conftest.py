"""The tables and the bucket of template.yaml, made in moto."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from threading import RLock
from typing import Any
from uuid import uuid4

import boto3
import pytest
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber
from moto.dynamodb.models.dynamo_type import DynamoType
from openai import OpenAI

from local.models.server_process import run_server
from local.vectors.process import serve
from quadrille import clients
from quadrille.alarms import Alarms
from quadrille.blobs import Blobs
from quadrille.budgets import Limits
from quadrille.calls import Call, Reply
from quadrille.claims import Claims
from quadrille.documents import Documents, Place
from quadrille.events import Envelope
from quadrille.keys import Keys
from quadrille.ledger import Ledger
from quadrille.machines import Machine
from quadrille.outbox import Outbox
from quadrille.purposes import ANSWER
from quadrille.receipts import Receipt
from tests.integration import house as harness
from tests.integration.agent import Agent
from tests.integration.house import House, build, reset_caches
from tests.integration.kills import Executioner, executioner
from tests.integration.reactor import Reactor
from tests.template import TEMPLATE

TABLES = {
    "DOCUMENTS_TABLE": "DocumentsTable",
    "LEDGER_TABLE": "LedgerTable",
    "KEYS_TABLE": "KeysTable",
    "CONVERSATIONS_TABLE": "ConversationsTable",
    "CONNECTIONS_TABLE": "ConnectionsTable",
    "TASKS_TABLE": "TasksTable",
    "CASES_TABLE": "CasesTable",
}
CLUB = b"The number of the club is seven. Its colour is green."


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
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    patched(monkeypatch)
    with mock_aws():
        yield


def patched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mend what moto does otherwise than AWS."""
    monkeypatch.setattr(DynamoType, "__add__", _add_numbers)
    monkeypatch.setattr(BotocoreStubber, "process_request", _one_at_a_time(BotocoreStubber.process_request))


def _one_at_a_time(process: Callable[..., Any]) -> Callable[..., Any]:
    """moto copies its tables for a transaction, and may not be written to meanwhile; DynamoDB may."""
    lock = RLock()

    def processed(*given: Any) -> Any:
        with lock:
            return process(*given)

    return processed


def _add_numbers(one: DynamoType, other: DynamoType) -> DynamoType:
    """moto takes 2E-7 for an integer and fails; DynamoDB does not."""
    return DynamoType({"N": str(Decimal(one.value) + Decimal(other.value))})


def make_table(dynamodb: Any, logical_id: str) -> str:
    """A table as the template has it, without what moto does not need."""
    properties = TEMPLATE["Resources"][logical_id]["Properties"]
    wanted = ("BillingMode", "KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "StreamSpecification")
    given = {name: properties[name] for name in wanted if name in properties}
    if "StreamSpecification" in given:
        given["StreamSpecification"] = {**given["StreamSpecification"], "StreamEnabled": True}
    dynamodb.create_table(TableName=logical_id, **given)
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
def limits(dynamodb: Any, clock: Clock) -> Limits:
    """A dollar a day, half a dollar a document, and the ledger's table."""
    defaults = {"day": Decimal(1), "document": Decimal("0.5"), "task": Decimal("0.5")}
    return Limits(make_table(dynamodb, "LedgerTable"), dynamodb, defaults, now=clock.now)


@pytest.fixture
def outbox(dynamodb: Any, clock: Clock) -> Outbox:
    return Outbox(make_table(dynamodb, "CasesTable"), dynamodb, days=30, now=clock.now)


@pytest.fixture
def ledger(limits: Limits, outbox: Outbox, blobs: Blobs, clock: Clock) -> Ledger:
    claims = Claims(limits.table, limits.dynamodb, blobs, days=30, now=clock.now, sleep=clock.sleep)
    return Ledger(claims, limits, Alarms(lambda: outbox).announce, inline_bytes=1_000)


@pytest.fixture
def call(clock: Clock) -> Callable[..., Call]:
    def make(**changes: Any) -> Call:
        values: dict[str, Any] = {
            "tenant": "acme",
            "purpose": ANSWER,
            "model": "m",
            "request": {"input": "hello"},
            "subject": "answers/1",
            "ceiling": Decimal("0.10"),
            "deadline": clock.now() + 20,
        }
        values |= changes
        return Call(**({"ends_at": values["deadline"]} | values))

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


@pytest.fixture(scope="session")
def model_server() -> Iterator[str]:
    with run_server() as url:
        yield url


@pytest.fixture(scope="session")
def client(model_server: str) -> Iterator[OpenAI]:
    """The official client of the model server."""
    with OpenAI(base_url=model_server, api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture(scope="session")
def vector_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve(tmp_path_factory.mktemp("vectors")) as server:
        yield server.url


@pytest.fixture
def house(
    dynamodb: Any, monkeypatch: pytest.MonkeyPatch, model_server: str, vector_server: str, tenant: str
) -> Iterator[House]:
    tables = {variable: make_table(dynamodb, name) for variable, name in TABLES.items()}
    yield build(monkeypatch, tables, model_server, vector_server)
    reset_caches()


@pytest.fixture
def agent(house: House, monkeypatch: pytest.MonkeyPatch, tenant: str) -> Agent:
    """An agent whose state machine runs in this process."""
    it = Agent(house, tenant)
    monkeypatch.setattr(clients, "agent_machine", lambda: Machine("agent", it))
    return it


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the events that reached the outbox through an agent's tool."""
    found: list[str] = []
    put = Outbox.put

    def seen(outbox: Outbox, envelope: Envelope) -> bool:
        new = put(outbox, envelope)
        found.append(envelope.id)
        return new

    monkeypatch.setattr(Outbox, "put", seen)
    return found


@pytest.fixture
def reactor(house: House, agent: Agent, monkeypatch: pytest.MonkeyPatch) -> Reactor:
    """The bus and its consumers in this process, over the same tables."""
    return Reactor(house, agent, monkeypatch)


@pytest.fixture
def hosted(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """The same with the vector store's hosted models, a sparse one and a reranker."""
    monkeypatch.setenv("SPARSE_MODEL", "pinecone-sparse-english-v0")
    monkeypatch.setenv("RERANK_MODEL", "bge-reranker-v2-m3")
    reset_caches()
    return house


@pytest.fixture
def killer(house: House, monkeypatch: pytest.MonkeyPatch) -> Executioner:
    """A killer of the house's functions. A killed function answers as one whose Lambda died: every message failed."""
    it, invoke = executioner(monkeypatch), harness.invoke

    def killed(function: str, event: dict[str, Any]) -> dict[str, Any]:
        it.function = function
        answer = it.run(lambda: invoke(function, event))
        failed = [
            {"itemIdentifier": record["messageId"]} for record in event.get("Records", []) if "messageId" in record
        ]
        return answer or {"batchItemFailures": failed or [{}], "statusCode": 0, "body": "null"}

    monkeypatch.setattr(harness, "invoke", killed)
    return it


@pytest.fixture
def tenant() -> str:
    """A tenant of the test's own: the vector server outlives a test."""
    return f"t{uuid4().hex[:12]}"


@pytest.fixture
def club(house: House, tenant: str) -> Place:
    """A document that is ready."""
    place = Place(tenant, "default", "club.md")
    house.drop(place.key, CLUB)
    house.work()
    return place
