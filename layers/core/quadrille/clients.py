"""Builds every client and adapter, once per process and only when asked for. Nothing connects at import.

No SDK repeats a paid request behind the ledger's back: their own retries are off.
"""

import time
from decimal import Decimal
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.circuit_breaker.persistence import CircuitBreakerDynamoDBPersistence
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from quadrille.alarms import Alarms
from quadrille.answers import Answers
from quadrille.background import Background
from quadrille.blobs import Blobs
from quadrille.budgets import Limits
from quadrille.bus import Bus
from quadrille.claims import Claims
from quadrille.collections import Collections, Size
from quadrille.config import ToolServer, settings
from quadrille.connections import Connections
from quadrille.conversations import Conversations
from quadrille.costs import Costs
from quadrille.customers import Customers
from quadrille.deliveries import Deliveries
from quadrille.desks import Desks
from quadrille.documents import Documents
from quadrille.emails import Emails
from quadrille.errors import Busy, ProviderRefused
from quadrille.examples import Examples
from quadrille.failures import Failures
from quadrille.functions import Functions
from quadrille.gate import Gate
from quadrille.inference import Inference
from quadrille.ingest.estimate import Estimator
from quadrille.journal import Journal
from quadrille.keys import Keys
from quadrille.ledger import Ledger
from quadrille.llm import Models
from quadrille.machines import Machine
from quadrille.made import Made
from quadrille.mail import Mail
from quadrille.outbox import Outbox
from quadrille.pace import Pace
from quadrille.prices import Prices
from quadrille.queues import Queue
from quadrille.rows import passes
from quadrille.rules import Rules
from quadrille.sockets import Sockets
from quadrille.sources import Sources
from quadrille.steps import Steps
from quadrille.tasks import Tasks
from quadrille.textract import MODEL as TEXTRACT
from quadrille.textract import Textract
from quadrille.tickets import Tickets
from quadrille.toolservers import Toolserver
from quadrille.vectors import Vectors
from quadrille.watching import Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer
    from openai import OpenAI
    from pinecone import Pinecone
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_events.client import EventBridgeClient
    from types_boto3_sqs.client import SQSClient
    from types_boto3_textract.client import TextractClient

    from quadrille.act.approvals import Desk as ApprovalDesk
    from quadrille.act.ending import Closing
    from quadrille.act.fetching import Fetcher
    from quadrille.act.starting import Office
    from quadrille.act.tooling import Tool, Workbench
    from quadrille.ask.answer import Desk
    from quadrille.ask.retrieval import Retriever
    from quadrille.events import Envelope
    from quadrille.react.consumers import Consumer
    from quadrille.react.drafting import Bureau
    from quadrille.react.enriching import Enricher
    from quadrille.react.replaying import Studio
    from quadrille.react.targets import Target
    from quadrille.react.triage import Office as MailOffice

_AWS = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 4})
_PAID = Config(read_timeout=30, retries={"total_max_attempts": 1})
_SECRET_SECONDS = 300  # how long a provider's key is remembered; a rotated key is picked up after that
_SOURCE_SECONDS = 60  # the same for the secret of a source


@cache
def dynamodb() -> "DynamoDBClient":
    """DynamoDB, shared by the tables."""
    client: DynamoDBClient = boto3.client("dynamodb", config=_AWS)
    return client


@cache
def sqs() -> "SQSClient":
    """SQS, shared by the queues."""
    client: SQSClient = boto3.client("sqs", config=_AWS)
    return client


@cache
def blobs() -> Blobs:
    """The bucket. Only Signature Version 4 makes presigned forms that every region accepts."""
    return Blobs(settings().bucket, boto3.client("s3", config=_AWS.merge(Config(signature_version="s3v4"))))


@cache
def documents() -> Documents:
    """The documents table."""
    return Documents(settings().documents_table, dynamodb())


@cache
def collections() -> Collections:
    """How collections want their documents split."""
    here = settings()
    return Collections(here.documents_table, dynamodb(), Size(here.chunk_tokens, here.chunk_overlap_tokens))


@cache
def keys() -> Keys:
    """The API keys table."""
    return Keys(settings().keys_table, dynamodb())


@cache
def sources() -> Sources:
    """The sources of webhooks."""
    here = settings()
    return Sources(here.keys_table, dynamodb(), here.sources_prefix, boto3.client("ssm", config=_AWS), read=_parameter)


@cache
def connections() -> Connections:
    """The connections table."""
    return Connections(settings().connections_table, dynamodb(), time.time)


@cache
def sockets() -> Sockets:
    """The open connections. A post is not repeated: the frame may have arrived."""
    once = _AWS.merge(Config(read_timeout=5, retries={"total_max_attempts": 1}))
    endpoint = settings().websocket_endpoint
    return Sockets(boto3.client("apigatewaymanagementapi", endpoint_url=endpoint, config=once))


def window() -> Window:
    """What can be watched, and by whom it is."""
    from quadrille.act.watching import tasks_kind
    from quadrille.ingest.watching import documents_kind

    return Window([documents_kind(documents()), tasks_kind(tasks())], connections(), sockets())


@cache
def answering() -> Background:
    """What answers the asks of connections."""
    return Background(settings().stream_function, boto3.client("lambda", config=_AWS))


@cache
def queue(url: str) -> Queue:
    """A queue, by its URL."""
    return Queue(url, sqs())


def stage_queue(stage: str) -> Queue:
    """The queue of a stage, by the stage's name."""
    return queue(getattr(settings(), f"{stage}_queue_url"))


@cache
def backfill_machine() -> Machine:
    """The state machine that runs backfills."""
    return Machine(settings().backfill_machine, boto3.client("stepfunctions", config=_AWS))


@cache
def agent_machine() -> Machine:
    """The state machine that runs tasks."""
    return Machine(settings().agent_machine, boto3.client("stepfunctions", config=_AWS))


@cache
def tasks() -> Tasks:
    """The tasks of agents."""
    here = settings()
    return Tasks(here.tasks_table, dynamodb(), here.ledger_days, here.tasks_at_once, now=time.time)


@cache
def steps() -> Steps:
    """What tasks did."""
    here = settings()
    return Steps(here.tasks_table, dynamodb(), here.ledger_days, now=time.time)


@cache
def outbox() -> Outbox:
    """What is to be published."""
    here = settings()
    return Outbox(here.cases_table, dynamodb(), here.event_days, time.time)


@cache
def failures() -> Failures:
    """Why consumers set events aside."""
    here = settings()
    return Failures(here.cases_table, dynamodb(), here.event_days, time.time)


@cache
def journal() -> Journal:
    """What was published."""
    here = settings()
    return Journal(here.cases_table, dynamodb(), here.event_days)


@cache
def rules() -> Rules:
    """What tenants want done when something happens."""
    here = settings()
    return Rules(here.cases_table, dynamodb(), here.max_rules)


@cache
def desks() -> Desks:
    """How tenants' desks work."""
    return Desks(settings().cases_table, dynamodb())


@cache
def examples() -> Examples:
    """Replies humans have changed."""
    here = settings()
    return Examples(
        here.cases_table, dynamodb(), here.max_examples, here.example_characters, here.case_days, now=time.time
    )


@cache
def customers() -> Customers:
    """Which cases customers have."""
    here = settings()
    return Customers(here.cases_table, dynamodb(), here.case_days)


@cache
def emails() -> Emails:
    """Mails and what came of them."""
    here = settings()
    return Emails(here.cases_table, dynamodb(), customers(), here.case_days, now=time.time)


def mail_office() -> "MailOffice":
    """Where mails are worked on."""
    from quadrille.react.triage import Office as MailOffice

    return MailOffice(emails(), customers(), desks(), examples(), blobs(), models(), desk)


@cache
def tickets() -> Tickets:
    """The tickets of tenants' desks."""
    here = settings()
    most, most_bytes = here.max_ticket_messages, here.max_ticket_bytes
    return Tickets(here.cases_table, dynamodb(), customers(), most, most_bytes, here.case_days, now=time.time)


@cache
def deliveries() -> Deliveries:
    """Deliveries of webhooks that were taken."""
    here = settings()
    return Deliveries(here.cases_table, dynamodb(), 3 * here.webhook_seconds, time.time)


def enricher() -> "Enricher":
    """What enriches tickets."""
    from quadrille.react.enriching import Enricher

    return Enricher(tickets(), customers(), desks())


def bureau() -> "Bureau":
    """What drafts replies to tickets."""
    from quadrille.react.drafting import Bureau

    return Bureau(tickets(), customers(), desks(), examples(), collections(), desk())


def done(consumer: str) -> "DynamoDBPersistenceLayer":
    """What a consumer has done, by the event's id."""
    from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer

    return DynamoDBPersistenceLayer(
        settings().cases_table,
        key_attr="pk",
        static_pk_value=f"done#{consumer}",
        sort_key_attr="sk",
        expiry_attr="expires_at",
        boto3_client=dynamodb(),
    )


def consumer(
    name: str, work: "Callable[[Envelope], None]", give_up: "Callable[[Envelope, str], None] | None" = None
) -> "Consumer":
    """A consumer of the bus; its queue is in the variable `QUEUE_URL`."""
    from quadrille.react.consumers import Consumer

    here = settings()
    pace = Pace(here.cases_table, dynamodb(), here.events_per_minute, time.time)
    more = {"give_up": give_up} if give_up else {}
    return Consumer(name, queue(here.queue_url), done(name), pace, outbox(), failures(), work, **more)


@cache
def events() -> "EventBridgeClient":
    """EventBridge."""
    client: EventBridgeClient = boto3.client("events", config=_AWS)
    return client


@cache
def bus() -> Bus:
    """The event bus."""
    return Bus(settings().event_bus, events())


def studio() -> "Studio":
    """What replays events."""
    from quadrille.react.replaying import Studio

    here = settings()
    budgets = {
        "nothing": Decimal(0),
        "document": here.document_budget_usd,
        "task": here.task_budget_usd,
        "case": here.case_budget_usd,
    }
    return Studio(journal(), _targets(), documents(), rules(), done, budgets, here.max_replay)


def consumer_queues() -> dict[str, Queue]:
    """The queues of the consumers by their names: those of the bus, and the one that mail comes by."""
    from quadrille.react.dead_letters import MAIL

    return {**{target.name: target.queue for target in _targets()}, MAIL: queue(settings().mail_queue_url)}


def _targets() -> "list[Target]":
    from quadrille.react.targets import targets

    return list(targets(settings().event_bus, events(), _queue_named))


def _queue_named(name: str) -> Queue:
    return queue(sqs().get_queue_url(QueueName=name)["QueueUrl"])


@cache
def claims() -> Claims:
    """The calls of the ledger table."""
    here = settings()
    return Claims(here.ledger_table, dynamodb(), blobs(), here.ledger_days, now=time.time, sleep=time.sleep)


@cache
def costs() -> Costs:
    """What was spent, out of the ledger table."""
    return Costs(settings().ledger_table, dynamodb())


@cache
def made() -> Made:
    """What paid calls made out of documents."""
    return Made(claims())


@cache
def answers() -> Answers:
    """Cached answers."""
    here = settings()
    return Answers(here.ledger_table, here.documents_table, dynamodb(), here.cache_seconds, now=time.time)


@cache
def conversations() -> Conversations:
    """The conversations table."""
    here = settings()
    return Conversations(
        here.conversations_table,
        dynamodb(),
        here.conversation_days,
        here.conversation_turns,
        now=time.time,
        sleep=time.sleep,
    )


@cache
def limits() -> Limits:
    """What may be spent."""
    here = settings()
    defaults = {
        "day": here.daily_budget_usd,
        "inbound": here.inbound_budget_usd,
        "document": here.document_budget_usd,
        "task": here.task_budget_usd,
    }
    return Limits(here.ledger_table, dynamodb(), defaults, now=time.time)


@cache
def ledger() -> Ledger:
    """The door to everything paid."""
    here = settings()
    return Ledger(claims(), limits(), Alarms(outbox).announce, here.inline_result_bytes)


@cache
def gate() -> Gate:
    """What every request to a provider passes."""
    here = settings()
    circuits = CircuitBreakerDynamoDBPersistence(
        here.ledger_table,
        key_attr="pk",
        static_pk_value="circuit",
        sort_key_attr="sk",
        expiry_attr="expires_at",
        boto3_client=dynamodb(),
    )
    return Gate(here.ledger_table, dynamodb(), circuits, here.rate_limits)


@cache
def prices() -> Prices:
    """What models cost."""
    return Prices(settings().price_overrides)


@cache
def estimator() -> Estimator:
    """What ingesting costs before it is done."""
    here = settings()
    return Estimator(
        prices=prices(),
        embedding_model=here.embedding_model,
        chat_model=here.chat_model,
        batch=here.embed_batch,
        sparse_model=here.sparse_model if inference().embeds else "",
        summary_over=here.summary_over_tokens,
        summary_limit=here.summary_tokens,
        ocr_model=TEXTRACT if here.ocr_engine == "textract" else "",
    )


@cache
def models() -> Models:
    """The model provider, behind the ledger."""
    here = settings()
    return Models(
        client=_openai,
        ledger=ledger(),
        gate=gate(),
        prices=prices(),
        embedding_model=here.embedding_model,
        dimensions=here.embedding_dimensions,
        chat_model=here.chat_model,
    )


@cache
def inference() -> Inference:
    """Pinecone's hosted models, behind the ledger."""
    here = settings()
    return Inference(
        client=_pinecone,
        ledger=ledger(),
        gate=gate(),
        prices=prices(),
        sparse_model=here.sparse_model,
        rerank_model=here.rerank_model,
    )


def embedding() -> str:
    """What a chunk's vectors depend on besides its text."""
    here = settings()
    dense = f"{here.embedding_model}/{here.embedding_dimensions}"
    return f"{dense}+{here.sparse_model}" if inference().embeds else dense


@cache
def textract() -> Textract:
    """Text detection by Amazon, behind the ledger."""
    return Textract(client=_textract, ledger=ledger(), gate=gate(), prices=prices())


def vectors() -> Vectors:
    """The vector store, with the key as it is now."""
    return _vectors(_secret(settings().pinecone_secret, of="Pinecone"))


def retriever() -> "Retriever":
    """What finds chunks."""
    from quadrille.ask.retrieval import Retriever  # the shape of HTTP, which most functions need not import

    return Retriever(models(), inference(), vectors(), documents(), settings().rerank_candidates)


def desk() -> "Desk":
    """What answers questions."""
    from quadrille.ask.answer import Desk
    from quadrille.ask.cache import Cache
    from quadrille.ask.conversations import Memory

    here = settings()
    return Desk(
        models(),
        retriever(),
        Cache(
            answers(), vectors(), ledger(), here.chat_model, here.inline_result_bytes, float(here.semantic_similarity)
        ),
        Memory(conversations(), models(), here.rewrite_tokens),
        here.answer_tokens,
        here.context_tokens,
    )


@cache
def mail() -> Mail:
    """What sends mail. A mail is not repeated: it may be on its way."""
    client = boto3.client("sesv2", config=_AWS.merge(Config(retries={"total_max_attempts": 1})))
    return Mail(settings().email_sender, client)


def fetcher() -> "Fetcher":
    """What reads pages of the web."""
    from quadrille.act.fetching import Fetcher

    here = settings()
    return Fetcher(here.hosts_to_fetch, here.fetch_seconds, here.fetch_bytes, here.fetch_redirects)


def workbench() -> "Workbench":
    """What the tools of an agent work with."""
    from quadrille.act.tooling import Workbench

    limit = settings().tool_characters
    return Workbench(retriever, documents, blobs, models, vectors, outbox, mail, fetcher, steps, limit)


def tools() -> "dict[str, Tool]":
    """The tools of agents here, by name: those of this package, Lambda functions, and those of MCP servers."""
    from quadrille.act.tooling import built_in

    return _foreign(int(time.time() / settings().tools_known_seconds)) | built_in()


@lru_cache(maxsize=1)
def _foreign(period: int) -> "dict[str, Tool]":
    """Those that are not of this package, as they are in a period; the first of a name counts."""
    here = settings()
    if not here.tool_functions and not here.mcp_servers:
        return {}
    from quadrille.act.foreign import of_function, of_servers

    found = [
        *(of_function(function, _functions) for function in here.tool_functions),
        *of_servers(map(_toolserver, here.mcp_servers), most=here.foreign_tools),
    ]
    return {tool.name: tool for tool in reversed(found)}


def _toolserver(server: ToolServer) -> Toolserver:
    here, secret = settings(), server.secret
    token = partial(_secret, secret, of=f"the MCP server {server.name}") if secret else lambda: ""
    return Toolserver(server.name, server.url, token, here.foreign_tool_seconds, here.foreign_tool_bytes)


@cache
def _functions() -> Functions:
    once = Config(read_timeout=settings().foreign_tool_seconds, retries={"total_max_attempts": 1})
    return Functions(boto3.client("lambda", config=_AWS.merge(once)))


def office() -> "Office":
    """What gives and changes tasks."""
    from quadrille.act.starting import Office

    return Office(tasks(), agent_machine(), limits(), costs())


def approval_desk() -> "ApprovalDesk":
    """Where people decide about calls of agents."""
    from quadrille.act.approvals import Desk as ApprovalDesk

    return ApprovalDesk(tasks(), steps(), agent_machine())


def closing() -> "Closing":
    """What ends tasks."""
    from quadrille.act.ending import Closing

    return Closing(tasks(), steps(), blobs(), models())


@cache
def _textract() -> "TextractClient":
    client: TextractClient = boto3.client("textract", config=_AWS.merge(_PAID))
    return client


def _openai() -> "OpenAI":
    return _openai_with(_secret(settings().openai_secret, of="OpenAI"))


@cache
def _openai_with(key: str) -> "OpenAI":
    from openai import OpenAI  # most of a second on a cold start

    return OpenAI(api_key=key, base_url=settings().openai_base_url or None, max_retries=0)


@cache
def _vectors(key: str) -> Vectors:
    from pinecone import Pinecone  # a third of a second on a cold start

    return Vectors(Pinecone(api_key=key, timeout=10).index(host=settings().pinecone_index_host))


def _pinecone() -> "Pinecone":
    return _pinecone_with(_secret(settings().pinecone_secret, of="Pinecone"))


@cache
def _pinecone_with(key: str) -> "Pinecone":
    from pinecone import Pinecone, RetryConfig

    host = settings().pinecone_inference_host or None
    return Pinecone(api_key=key, host=host, timeout=20, retry_config=RetryConfig(max_retries=0))


def _secret(name: str, *, of: str) -> str:
    """A provider's key. Raises `ProviderRefused` if nobody has set it."""
    try:
        return str(parameters.get_secret(name, max_age=_SECRET_SECONDS)).strip()
    except GetParameterError as error:
        cause = error.__cause__
        if isinstance(cause, ClientError | BotoCoreError) and passes(cause):
            raise Busy(f"The key of {of} cannot be read at the moment.") from error
        raise ProviderRefused(f"The key of {of} cannot be read. Has `make secrets` been run?") from error


def _parameter(name: str) -> str | None:
    """A source's secret; None if it is gone. Raises `Busy`."""
    try:
        return str(parameters.get_parameter(name, decrypt=True, max_age=_SOURCE_SECONDS))
    except GetParameterError as error:
        cause = error.__cause__
        if isinstance(cause, ClientError) and cause.response["Error"]["Code"] == "ParameterNotFound":
            return None
        raise Busy("The secret of the source cannot be read at the moment.") from error
