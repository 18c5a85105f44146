"""The model provider, spoken to through the openai client: embeddings and chat, each through the ledger."""

import base64
import json
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from quadrille.arrivals import arrivals
from quadrille.calls import Payer, Reply
from quadrille.errors import AmbiguousCall, ProviderRefused
from quadrille.gate import Gate
from quadrille.ledger import Ledger
from quadrille.prices import Prices, Usage
from quadrille.purposes import Purpose
from quadrille.receipts import Receipt
from quadrille.sending import Refusal, Sender, judge_status

if TYPE_CHECKING:
    import httpx2
    from openai import OpenAI, Stream
    from openai.types.chat import ChatCompletionChunk

_PROVIDER = "the model provider"
_BYTES_PER_TOKEN = 4  # of English; a rate limit needs no better guess
_BROKEN_OFF = f"The reply of {_PROVIDER} broke off; the call may have been billed."
_TICK = 0.05  # seconds of silence after which who listens to a stream gets a say

Emit = Callable[[str], None]


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
class ToolCall:
    """A call of a tool a model wishes; its arguments are the JSON it wrote, or what it took for it."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Move:
    """What a model that was offered tools says, and the calls it wishes."""

    text: str
    calls: tuple[ToolCall, ...]
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
        emit: Emit | None = None,
    ) -> Completion:
        """One completion of at most `limit` tokens, in the JSON `schema`. Raises as `embed`.

        With `emit` it is streamed, which makes it no other call to the ledger: `emit` gets the pieces as they come,
        and "" before anything is sent and at least every 50 ms. What it raises, `Abandoned` above all, ends the call. A
        completion that was paid for before is not emitted.
        """
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
        if emit:
            emit("")
        paid = self.ledger.pay(
            call, lambda: self._stream(request, payer.deadline, emit) if emit else self._chat(request, payer.deadline)
        )
        message = json.loads(paid.result)
        return Completion(message["text"], message["finish_reason"] == "stop", paid.receipt)

    def choose(
        self,
        messages: Sequence[Mapping[str, Any]],
        payer: Payer,
        *,
        purpose: Purpose,
        tools: Sequence[Mapping[str, Any]],
        limit: int,
    ) -> Move:
        """What a model does next with these tools, in at most `limit` tokens. Raises as `embed`."""
        request = {
            "model": self.chat_model,
            "messages": list(messages),
            "max_completion_tokens": limit,
            "tools": list(tools),
            "tool_choice": "required",
        }
        ceiling = self.prices.ceiling(self.chat_model, request_bytes=_size(request), output_tokens=limit)
        call = payer.call(request, purpose=purpose, ceiling=ceiling)
        paid = self.ledger.pay(call, lambda: self._choose(request, payer.deadline))
        move = json.loads(paid.result)
        return Move(move["text"], tuple(ToolCall(**wish) for wish in move["calls"]), paid.receipt)

    def _embed(self, request: dict[str, Any], deadline: float) -> Reply:
        answer, retries = self._send(lambda client: client.embeddings.create(**request), request, deadline)
        rows = sorted(answer.data, key=lambda row: row.index)
        # Asked for explicitly, base64 is what the SDK hands through, whatever its annotation says.
        packed = b"".join(base64.b64decode(str(row.embedding)) for row in rows)
        if len(rows) != len(request["input"]):
            raise AmbiguousCall("The model provider answered another number of embeddings than were asked for.")
        usage = _usage(answer.usage, request)
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
        completion = {"text": choice.message.content or "", "finish_reason": choice.finish_reason}
        return self._reply(completion, answer.usage, request, retries)

    def _choose(self, request: dict[str, Any], deadline: float) -> Reply:
        answer, retries = self._send(lambda client: client.chat.completions.create(**request), request, deadline)
        message = answer.choices[0].message
        wishes = [wish.function for wish in message.tool_calls or [] if wish.type == "function"]
        move = {
            "text": message.content or "",
            "calls": [{"name": wish.name, "arguments": wish.arguments} for wish in wishes],
        }
        return self._reply(move, answer.usage, request, retries)

    def _stream(self, request: dict[str, Any], deadline: float, emit: Emit) -> Reply:
        """The same in pieces. Raises what `Ledger.pay` expects of a sender; whatever it is, the connection is cut."""
        import httpx2
        import openai

        body = {**request, "stream": True, "stream_options": {"include_usage": True}}
        stream, retries = self._send(lambda client: client.chat.completions.create(**body), request, deadline)
        try:
            text, finish, usage = self._listen(stream, deadline, emit)
        except (openai.APIError, httpx2.HTTPError) as error:
            raise AmbiguousCall(_BROKEN_OFF) from error
        except BaseException:
            _hang_up(stream.response)
            raise
        return self._reply({"text": text, "finish_reason": finish}, usage, request, retries)

    def _listen(self, stream: "Stream[ChatCompletionChunk]", deadline: float, emit: Emit) -> tuple[str, str, Any]:
        """The whole text, why it ended, and the provider's counts. Raises `AmbiguousCall`, and what reading raises."""
        text, finish, usage = "", "", None
        for chunk in arrivals(stream, every=_TICK):
            if self.now() > deadline:
                raise AmbiguousCall(f"{_PROVIDER.capitalize()} did not finish in time; the call may have been billed.")
            piece = ""
            if chunk:
                piece = "".join(choice.delta.content or "" for choice in chunk.choices)
                finish = next((choice.finish_reason for choice in chunk.choices), None) or finish
                usage = chunk.usage or usage
            text += piece
            emit(piece)
        if not finish:
            raise AmbiguousCall(_BROKEN_OFF)
        return text, finish, usage

    def _reply(self, result: Mapping[str, Any], usage: Any, request: dict[str, Any], retries: int) -> Reply:
        used = _usage(usage, request)
        receipt = Receipt(
            cost_usd=self.prices.cost(request["model"], used),
            calls=1,
            retries=retries,
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            models=(request["model"],),
        )
        return Reply(json.dumps(result, ensure_ascii=False).encode("utf-8", "surrogatepass"), receipt)

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


def _usage(counted: Any, request: dict[str, Any]) -> Usage:
    """The provider's counts; from a server that counts nothing, the most it can have been."""
    if counted is None:
        return Usage(input_tokens=_size(request), output_tokens=request.get("max_completion_tokens", 0))
    details = getattr(counted, "prompt_tokens_details", None)
    return Usage(
        input_tokens=counted.prompt_tokens,
        output_tokens=getattr(counted, "completion_tokens", 0),
        cached_tokens=(details and details.cached_tokens) or 0,
        cache_write_tokens=(details and details.cache_write_tokens) or 0,
    )


def _hang_up(response: "httpx2.Response") -> None:
    """Cut the connection of a response: a close would not reach the provider while another thread reads from it."""
    network = response.extensions.get("network_stream")
    if network:
        with suppress(OSError):
            network.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


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
