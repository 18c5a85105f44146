"""The model provider, spoken to through the openai client: embeddings and chat, each through the ledger.

The SDK's own retries are off. A request is repeated here only if it was certainly not billed, as long as the
caller's time allows, and no sooner than `Retry-After` says; each time it passes the gate.
"""

import base64
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from quadrille.calls import Call, Reply
from quadrille.errors import AmbiguousCall, Busy, DeadlineExceeded, ProviderRefused
from quadrille.gate import Gate
from quadrille.ledger import Ledger
from quadrille.prices import Prices, Usage
from quadrille.purposes import Purpose
from quadrille.receipts import Receipt

if TYPE_CHECKING:
    from openai import APIConnectionError, APIStatusError, OpenAI

_TRIES = 4
_NOT_BILLED = {429, 500, 503, 529}
_MAYBE_BILLED = {408, 409}  # and every other server error
_LONGEST_WAIT = 3_600.0
_LEAST_SECONDS = 1.0  # below this a call is not begun
_TOO_MANY = 429
_BYTES_PER_TOKEN = 4  # of English; a rate limit needs no better guess


@dataclass(frozen=True, slots=True)
class Payer:
    """Who a call is for: the tenant it is billed to, the subject whose receipt shows it, and how long it may take.

    `deadline` is when the reply must be there and `ends_at` when this process is surely gone, both in seconds since
    the epoch; `max_cost` is in US dollars. `document` or `task` is set if its budget must hold, too.
    """

    tenant: str
    subject: str
    deadline: float
    ends_at: float
    document: str = ""
    task: str = ""
    max_cost: Decimal | None = None
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Vectors as packed little-endian float32, in the order of the texts; `blob` is their key in the bucket."""

    packed: bytes
    blob: str
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Completion:
    """A model's message. `complete` is false if the output limit cut it off."""

    text: str
    complete: bool
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Models:
    """The embedding model and the chat model. `client` is called only when something must really be sent."""

    client: "Callable[[], OpenAI]"
    ledger: Ledger
    gate: Gate
    prices: Prices
    embedding_model: str
    dimensions: int
    chat_model: str
    now: Callable[[], float] = field(default=time.time)
    sleep: Callable[[float], None] = field(default=time.sleep)

    def embed(self, texts: Sequence[str], payer: Payer, *, purpose: Purpose, as_blob: bool = False) -> Embeddings:
        """Embed up to 2,048 texts in one request. Raises what `Ledger.pay` raises, and `UnknownPrice`."""
        request = {
            "model": self.embedding_model,
            "input": list(texts),
            "dimensions": self.dimensions,
            "encoding_format": "base64",
        }
        ceiling = self.prices.ceiling(self.embedding_model, request_bytes=_size(request["input"]))
        call = self._call(request, payer, purpose=purpose, ceiling=ceiling, as_blob=as_blob)
        paid = self.ledger.pay(call, lambda: self._embed(request, payer.deadline))
        return Embeddings(paid.result, paid.blob, paid.receipt)

    def chat(
        self,
        messages: Sequence[Mapping[str, str]],
        payer: Payer,
        *,
        purpose: Purpose,
        schema: dict[str, Any],
        limit: int,
    ) -> Completion:
        """One completion of at most `limit` tokens, in the JSON `schema`. Raises as `embed`."""
        request = {
            "model": self.chat_model,
            "messages": list(messages),
            "max_completion_tokens": limit,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": purpose.name, "schema": schema, "strict": True},
            },
        }
        ceiling = self.prices.ceiling(self.chat_model, request_bytes=_size(request), output_tokens=limit)
        call = self._call(request, payer, purpose=purpose, ceiling=ceiling)
        paid = self.ledger.pay(call, lambda: self._chat(request, payer.deadline))
        message = json.loads(paid.result)
        return Completion(message["text"], message["finish_reason"] == "stop", paid.receipt)

    def _call(
        self, request: dict[str, Any], payer: Payer, *, purpose: Purpose, ceiling: Decimal, as_blob: bool = False
    ) -> Call:
        return Call(
            tenant=payer.tenant,
            purpose=purpose,
            model=request["model"],
            request=request,
            subject=payer.subject,
            ceiling=ceiling,
            deadline=payer.deadline,
            ends_at=payer.ends_at,
            document=payer.document,
            task=payer.task,
            max_cost=payer.max_cost,
            identity=payer.identity,
            as_blob=as_blob,
        )

    def _embed(self, request: dict[str, Any], deadline: float) -> Reply:
        answer, retries = self._send(lambda client: client.embeddings.create(**request), request, deadline)
        rows = sorted(answer.data, key=lambda row: row.index)
        # Asked for explicitly, base64 is what the SDK hands through, whatever its annotation says.
        packed = b"".join(base64.b64decode(str(row.embedding)) for row in rows)
        if len(rows) != len(request["input"]):
            raise AmbiguousCall("The model provider answered another number of embeddings than were asked for.")
        usage = _usage(answer, request)
        receipt = Receipt(
            cost_usd=self.prices.cost(request["model"], usage),
            calls=1,
            retries=retries,
            embedding_tokens=usage.input_tokens,
            models=(request["model"],),
        )
        return Reply(packed, receipt)

    def _chat(self, request: dict[str, Any], deadline: float) -> Reply:
        answer, retries = self._send(lambda client: client.chat.completions.create(**request), request, deadline)
        choice = answer.choices[0]
        message = {"text": choice.message.content or "", "finish_reason": choice.finish_reason}
        usage = _usage(answer, request)
        receipt = Receipt(
            cost_usd=self.prices.cost(request["model"], usage),
            calls=1,
            retries=retries,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            models=(request["model"],),
        )
        return Reply(json.dumps(message, ensure_ascii=False).encode(), receipt)

    def _send(self, create: "Callable[[OpenAI], Any]", request: dict[str, Any], deadline: float) -> tuple[Any, int]:
        """The answer and how many retries it took. Raises what `Ledger.pay` expects of a sender."""
        import openai  # most of a second on a cold start: only when something is really sent

        try:
            client = self.client()
        except openai.OpenAIError as error:
            raise ProviderRefused(f"The client of the model provider cannot be made: {error}") from error
        tokens = _size(request) // _BYTES_PER_TOKEN + request.get("max_completion_tokens", 0)
        down = (openai.InternalServerError, openai.APIConnectionError)
        retries = 0
        while True:
            self.gate.wait(request["model"], tokens=tokens, patience=max(0.0, deadline - self.now()) / 2)
            left = deadline - self.now()
            if left < _LEAST_SECONDS:
                raise DeadlineExceeded("Not enough time was left to call the model.")
            try:
                timed = client.with_options(timeout=left)
                return self.gate.guard("the model provider", lambda: create(timed), failures=down), retries  # noqa: B023
            except openai.APIStatusError as error:
                wait = _pause_after(error, retries)
                if error.status_code == _TOO_MANY:
                    self.gate.hold(request["model"], wait)
            except openai.APIConnectionError as error:
                wait = _pause_unless_sent(error, retries)
            retries += 1
            if retries == _TRIES or wait + _LEAST_SECONDS > deadline - self.now():
                raise Busy("The model provider is throttling or down.", seconds=wait)
            self.sleep(wait)


def _usage(answer: Any, request: dict[str, Any]) -> Usage:
    """The provider's counts; from a server that counts nothing, the most it can have been."""
    if answer.usage is None:
        return Usage(input_tokens=_size(request), output_tokens=request.get("max_completion_tokens", 0))
    details = getattr(answer.usage, "prompt_tokens_details", None)
    return Usage(
        input_tokens=answer.usage.prompt_tokens,
        output_tokens=getattr(answer.usage, "completion_tokens", 0),
        cached_tokens=(details and details.cached_tokens) or 0,
        cache_write_tokens=(details and details.cache_write_tokens) or 0,
    )


def _size(body: object) -> int:
    """Bytes of a request body, which bound its tokens."""
    return len(json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def _pause_after(error: "APIStatusError", retries: int) -> float:
    """Seconds to wait before a request that was refused unbilled is sent again. Raises if it must not be."""
    status = error.status_code
    if status in _MAYBE_BILLED or (status >= 500 and status not in _NOT_BILLED):
        raise AmbiguousCall(f"The model provider answered {status}; the call may have been billed.") from error
    if status not in _NOT_BILLED or error.code == "insufficient_quota":
        raise ProviderRefused(f"The model provider refused the request: {error.message}") from error
    return _retry_after(error.response.headers.get("retry-after"), retries)


def _pause_unless_sent(error: "APIConnectionError", retries: int) -> float:
    """Seconds to wait if the connection was never made. Raises `AmbiguousCall` if the request had left."""
    import httpx2

    if isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout):
        return _retry_after(None, retries)
    if isinstance(error.__cause__, httpx2.UnsupportedProtocol | httpx2.LocalProtocolError | httpx2.InvalidURL):
        raise ProviderRefused(f"The request to the model provider cannot be made: {error.__cause__}") from error
    raise AmbiguousCall("No reply came from the model provider; the call may have been billed.") from error


def _retry_after(header: str | None, retries: int) -> float:
    """What the provider asked for, in seconds or as a date, or an exponential backoff with jitter."""
    asked = -1.0
    with suppress(ValueError):
        asked = float(header or "")
    if header and asked < 0:
        with suppress(ValueError):
            asked = parsedate_to_datetime(header).timestamp() - time.time()
    return asked if 0 <= asked <= _LONGEST_WAIT else 0.5 * 2.0**retries * random.uniform(0.75, 1.25)
