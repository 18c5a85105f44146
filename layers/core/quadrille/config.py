"""What a deployer varies and what bounds the system: every setting and every limit.

This is the only module that reads the environment; `template.yaml` sets it.
"""

import os
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, Json, PositiveInt

Amount = Annotated[Decimal, Field(ge=0, max_digits=15, decimal_places=9)]


class Price(BaseModel):
    """US dollars per million tokens of one model; `request` is what each request costs besides.

    Only cached tokens have a price to fall back on, that of input. What has none is not bought.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Amount | None = None
    output: Amount | None = None
    cached_input: Amount | None = None
    cache_write: Amount | None = None
    request: Amount | None = None


class Rate(BaseModel):
    """What a provider takes of one model in a minute."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests: PositiveInt
    tokens: PositiveInt


class ToolFunction(BaseModel):
    """A Lambda function as a tool of agents; `schema` is the JSON schema of its arguments."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
    arn: Annotated[str, Field(min_length=1)]
    description: Annotated[str, Field(min_length=1, max_length=1_024)]
    arguments: Annotated[dict[str, Any], Field(alias="schema")]
    approval: bool = False
    effect: bool = True
    untrusted: bool = True


class ToolServer(BaseModel):
    """An MCP server (streamable HTTP) whose tools are agents' too; `secret` names the secret with its bearer token."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,19}$")]
    url: Annotated[str, Field(pattern=r"^https?://")]
    secret: str = ""


class Settings(BaseModel):
    """The environment of a function, typed. Names are the variables' names in lower case."""

    model_config = ConfigDict(frozen=True, alias_generator=str.upper, validate_by_name=True)

    bucket: str = ""
    documents_table: str = ""
    ledger_table: str = ""
    conversations_table: str = ""
    keys_table: str = ""
    connections_table: str = ""
    cases_table: str = ""
    sources_prefix: str = ""  # of the parameters that hold the secrets of webhooks' sources
    queue_url: str = ""  # of a consumer of events
    mail_queue_url: str = ""
    websocket_endpoint: str = ""
    stream_function: str = ""
    chunk_queue_url: str = ""
    embed_queue_url: str = ""
    summarize_queue_url: str = ""
    index_queue_url: str = ""
    extract_queue_url: str = ""
    ocr_queue_url: str = ""
    erase_queue_url: str = ""
    backfill_machine: str = ""
    tasks_table: str = ""
    agent_machine: str = ""

    openai_secret: str = ""
    openai_base_url: str = ""
    chat_model: str = ""
    embedding_model: str = ""
    embedding_dimensions: PositiveInt = 1536
    pinecone_secret: str = ""
    pinecone_index_host: str = ""
    pinecone_inference_host: str = ""
    sparse_model: str = ""
    rerank_model: str = ""

    event_bus: str = ""
    effects_after_untrusted: Literal["approve", "allow"] = "approve"
    fetch_hosts: str = ""
    email_sender: str = ""
    tool_functions: Json[list[ToolFunction]] = []
    mcp_servers: Json[list[ToolServer]] = []

    ocr_engine: Literal["tesseract", "textract"] = "tesseract"
    ocr_languages: str = "eng"
    daily_budget_usd: Amount = Decimal(5)
    inbound_budget_usd: Amount = Decimal(2)  # of the day's, that mails, their attachments and tickets may use
    document_budget_usd: Amount = Decimal(1)
    task_budget_usd: Amount = Decimal(1)
    case_budget_usd: Amount = Decimal("0.10")  # of a mail or a ticket, drafts included
    price_overrides: Json[dict[str, Price]] = {}
    semantic_similarity: Annotated[Decimal, Field(gt=0, le=1)] = Decimal("0.95")  # docs/quality.md says what that does
    rate_limits: Json[dict[str, Rate]] = {}
    ledger_days: PositiveInt = 30
    events_per_minute: PositiveInt = 600  # of one tenant, that one consumer takes

    # Limits. A thing that meets one gets an error naming it.
    max_request_bytes: PositiveInt = 64 * 1024
    max_chat_bytes: PositiveInt = 512 * 1024  # of a request: a conversation is sent whole each time
    max_style_characters: PositiveInt = 8_000
    max_document_bytes: PositiveInt = 50 * 1024 * 1024
    max_document_pages: PositiveInt = 5_000
    max_document_characters: PositiveInt = 20_000_000
    max_reading_seconds: PositiveInt = 25
    max_reading_bytes: PositiveInt = 512 * 1024 * 1024  # of memory
    ocr_pages: PositiveInt = 8  # of a message
    chunk_tokens: PositiveInt = 400
    chunk_overlap_tokens: PositiveInt = 40
    summary_over_tokens: PositiveInt = 10_000
    summary_tokens: PositiveInt = 500
    summary_seconds: PositiveInt = 60
    embed_batch: Annotated[int, Field(ge=1, le=96)] = 96  # the most the hosted sparse model takes
    upsert_batch: PositiveInt = 50
    rerank_candidates: Annotated[int, Field(ge=1, le=100)] = 100  # the most a hosted reranker takes
    context_tokens: PositiveInt = 12_000  # of passages a model is given for one answer
    answer_tokens: PositiveInt = 1_000
    rewrite_tokens: PositiveInt = 500  # of a question made to stand alone, or of a conversation's summary
    conversation_turns: Annotated[int, Field(ge=9, le=16)] = 16  # of up to 5,000 characters; an item holds 400 KB
    conversation_days: PositiveInt = 30
    cache_seconds: PositiveInt = 7 * 86_400  # how long an answer is known, if its collection does not change
    asks_per_connection: PositiveInt = 4  # at the same time
    watches_per_connection: PositiveInt = 100
    watch_seconds: PositiveInt = 600
    tasks_at_once: Annotated[int, Field(ge=1, le=100)] = 20  # of one tenant; those that wait for people do not count
    max_goal_characters: PositiveInt = 20_000
    task_iterations: PositiveInt = 25
    max_task_iterations: PositiveInt = 1_000
    task_tokens: PositiveInt = 500_000
    max_task_tokens: PositiveInt = 20_000_000
    task_seconds: PositiveInt = 1_800  # without what it waits for people
    max_task_seconds: PositiveInt = 86_400
    task_tool_calls: PositiveInt = 100
    max_task_tool_calls: PositiveInt = 5_000
    step_tokens: PositiveInt = 4_000  # that a model may write in one step
    task_context_tokens: PositiveInt = 10_000  # of steps a model sees before they are compacted
    steps_kept: PositiveInt = 2  # that are never compacted
    pinned_characters: PositiveInt = 12_000  # of an agent's notes that it always sees
    compaction_tokens: PositiveInt = 1_000
    partial_tokens: PositiveInt = 1_000
    calls_at_once: Annotated[int, Field(ge=1, le=40)] = 8
    repairs: PositiveInt = 3  # steps in a row without one acceptable call
    tool_seconds: PositiveInt = 45
    tool_tries: PositiveInt = 3
    observation_characters: PositiveInt = 8_000  # of a result a model is shown
    max_result_characters: PositiveInt = 2_000_000
    approval_seconds: PositiveInt = 86_400
    execution_steps: PositiveInt = 200  # of one execution; it holds 25,000 events
    tool_argument_characters: Annotated[int, Field(ge=1, le=36_000)] = 32_000  # an event has 256 KB with six to one
    tool_characters: PositiveInt = 20_000  # of a document, a result or a page that a tool gives at once
    fetch_seconds: PositiveInt = 10
    fetch_bytes: PositiveInt = 1024 * 1024  # of a page; the rest is cut
    fetch_redirects: PositiveInt = 3
    foreign_tool_seconds: PositiveInt = 30  # of a Lambda tool, or of whatever is asked of an MCP server
    foreign_tool_bytes: PositiveInt = 6 * 1024 * 1024  # of an MCP server's reply; what a function replies has no more
    foreign_tools: PositiveInt = 50  # of one MCP server
    tools_known_seconds: PositiveInt = 60  # before an MCP server is asked again what tools it has
    max_event_bytes: PositiveInt = 128 * 1024  # with its envelope; the bus and the queues take 256 KB
    max_events_bytes: PositiveInt = 1024 * 1024  # of a request
    max_events: Annotated[int, Field(ge=1, le=100)] = 100  # of one request
    max_event_receives: PositiveInt = 6  # one of them for waiting until it is the tenant's turn
    max_hops: PositiveInt = 5  # events that led to an event
    event_days: PositiveInt = 30  # that it is known what was published and what was done about it
    event_seconds: PositiveInt = 120  # the longest a consumer takes
    max_replay: PositiveInt = 10_000  # events of one replay
    max_rules: PositiveInt = 50  # of a tenant
    max_webhook_bytes: PositiveInt = 128 * 1024  # of a delivery; a row holds 400 KB
    webhook_seconds: PositiveInt = 300  # that a signature is good for, before and after its time
    max_ticket_messages: PositiveInt = 50  # of one ticket
    max_ticket_bytes: PositiveInt = 512 * 1024  # of them; a reply has 6 MB, and a byte of text may take seven of it
    tickets_per_hour: PositiveInt = 10  # of one customer that are drafted; more looks like two machines talking
    stage_seconds: PositiveInt = 45  # for the calls of one stage of a ticket's enrichment
    related_documents: PositiveInt = 5  # of a ticket
    history_cases: PositiveInt = 20  # of a customer that a ticket's enrichment looks back on
    letter_characters: PositiveInt = 20_000  # of a mail or a ticket that a model is given
    classification_tokens: PositiveInt = 600
    reply_tokens: PositiveInt = 1_000
    max_examples: PositiveInt = 50  # of a tenant: the replies a human changed last
    example_characters: PositiveInt = 2_000
    examples_shown: PositiveInt = 3
    case_days: PositiveInt = 365  # that a mail or a ticket is kept after its last change
    max_mail_bytes: PositiveInt = 40 * 1024 * 1024  # with its attachments in base64; SES takes no more
    max_attached_bytes: PositiveInt = 25 * 1024 * 1024  # of a mail; what is beyond is missing
    mail_collection: str = "mail"  # where attachments of mails become documents
    split_seconds: PositiveInt = 5  # to find what is quoted in a mail; else all of it is new
    drafts_per_hour: PositiveInt = 5  # to one sender
    embed_seconds: PositiveInt = 60
    inline_result_bytes: Annotated[int, Field(ge=1, le=300 * 1024)] = 16 * 1024  # an item holds 400 KB
    upload_seconds: PositiveInt = 900
    budget_recheck_seconds: PositiveInt = 900
    max_receives: PositiveInt = 5
    late_erasure_seconds: Annotated[int, Field(ge=1, le=900)] = 360  # longer than any function runs

    @property
    def hosts_to_fetch(self) -> list[str]:
        """The hosts an agent may fetch from; `*.example.com` stands for all that is below it."""
        return [host.strip().lower() for host in self.fetch_hosts.split(",") if host.strip()]


@cache
def settings() -> Settings:
    """The settings of this function, read once."""
    return Settings.model_validate({name: value for name, value in os.environ.items() if value})
