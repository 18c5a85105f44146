"""The model provider, spoken to through the openai client: embeddings and chat, each through the ledger."""

import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from quadrille.calls import Payer, Reply
from quadrille.errors import AmbiguousCall, ProviderRefused
from quadrille.gate import Gate
from quadrille.ledger import Ledger
from quadrille.prices import Prices, Usage
from quadrille.purposes import Purpose
from quadrille.receipts import Receipt
from quadrille.sending import Refusal, Sender, judge_status

if TYPE_CHECKING:
    from openai import OpenAI

_PROVIDER = "the model provider"
_BYTES_PER_TOKEN = 4  # of English; a rate limit needs no better guess


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
        ceiling = self.prices.ceiling(self.embedding_model, request_bytes=_size(request))
        call = payer.call(request, purpose=purpose, ceiling=ceiling, as_blob=as_blob)
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
        call = payer.call(request, purpose=purpose, ceiling=ceiling)
        paid = self.ledger.pay(call, lambda: self._chat(request, payer.deadline))
        message = json.loads(paid.result)
        return Completion(message["text"], message["finish_reason"] == "stop", paid.receipt)

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
            raise ProviderRefused(f"The client of {_PROVIDER} cannot be made: {error}") from error
        down = (openai.InternalServerError, openai.APIConnectionError)
        sender = Sender(_PROVIDER, self.gate, openai.APIError, down, _judge, self.now, self.sleep)
        return sender.send(
            lambda seconds: create(client.with_options(timeout=seconds)),
            model=request["model"],
            tokens=_size(request) // _BYTES_PER_TOKEN + request.get("max_completion_tokens", 0),
            deadline=deadline,
        )


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


def _judge(error: Exception) -> Refusal:
    """What an error of the openai client comes to: unbilled, perhaps billed, or refused for good."""
    import httpx2
    import openai

    match error:
        case openai.APIStatusError():
            return judge_status(
                error.status_code,
                error.message,
                provider=_PROVIDER,
                retry_after=error.response.headers.get("retry-after"),
                exhausted=error.code == "insufficient_quota",
            )
        case openai.APIConnectionError(
            __cause__=httpx2.ConnectError() | httpx2.ConnectTimeout() | httpx2.PoolTimeout()
        ):
            return Refusal(0)
        case openai.APIConnectionError(
            __cause__=httpx2.UnsupportedProtocol() | httpx2.LocalProtocolError() | httpx2.InvalidURL()
        ):
            raise ProviderRefused(f"The request to {_PROVIDER} cannot be made: {error.__cause__}") from error
        case openai.APIConnectionError():
            raise AmbiguousCall(f"No reply came from {_PROVIDER}; the call may have been billed.") from error
    raise error
