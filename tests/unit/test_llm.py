"""The model provider's client, over a transport that answers what a test says."""

import base64
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx2
import openai
import pytest

from quadrille.calls import Call, Paid, Payer, Reply
from quadrille.config import Price
from quadrille.errors import AmbiguousCall, DeadlineExceeded, ProviderRefused, RetryLater, UnknownPrice
from quadrille.llm import Models
from quadrille.prices import Prices
from quadrille.purposes import ANSWER, QUESTION

PRICES = Prices({"chat": Price(input=Decimal(1), output=Decimal(4)), "embed": Price(input=Decimal(1))})
SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}

Answer = httpx2.Response | Exception


@dataclass
class FakeLedger:
    """A ledger that lets every call through and remembers it."""

    calls: list[Call] = field(default_factory=list)

    def pay(self, call: Call, send: Callable[[], Reply]) -> Paid:
        self.calls.append(call)
        reply = send()
        return Paid(reply.result, "", reply.receipt)


@dataclass
class FakeGate:
    """A gate that is open, and remembers what it was told."""

    held: list[float] = field(default_factory=list)

    def wait(self, model: str, *, tokens: int, patience: float) -> None:
        assert tokens > 0
        assert patience > 0

    def hold(self, model: str, seconds: float) -> None:
        self.held.append(seconds)

    def guard(self, provider: str, request: Callable[[], Any], *, failures: tuple[type[Exception], ...]) -> Any:
        return request()


@dataclass
class World:
    """Models over scripted answers, with a clock that moves when somebody sleeps."""

    answers: list[Answer]
    requests: list[dict[str, Any]] = field(default_factory=list)
    sleeps: list[float] = field(default_factory=list)
    time: float = 1_000.0
    ledger: FakeLedger = field(default_factory=FakeLedger)
    gate: FakeGate = field(default_factory=FakeGate)

    def models(self) -> Models:
        def handle(request: httpx2.Request) -> httpx2.Response:
            self.requests.append(json.loads(request.content))
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        http = openai.DefaultHttpxClient(transport=httpx2.MockTransport(handle))
        client = openai.OpenAI(api_key="k", base_url="http://127.0.0.1/v1", max_retries=0, http_client=http)
        return Models(
            client=lambda: client,
            ledger=self.ledger,  # type: ignore[arg-type]
            gate=self.gate,  # type: ignore[arg-type]
            prices=PRICES,
            embedding_model="embed",
            dimensions=2,
            chat_model="chat",
            now=lambda: self.time,
            sleep=self.sleep,
        )

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.time += seconds

    def payer(self, seconds: float = 20) -> Payer:
        return Payer("acme", "answers/1", self.time + seconds, self.time + seconds)

    def chat(self, **changes: Any) -> Any:
        message = [{"role": "user", "content": "hi"}]
        payer = changes.pop("payer", None) or self.payer()
        return self.models().chat(message, payer, purpose=ANSWER, schema=SCHEMA, limit=10)


def completion(text: str = "{}", finish: str = "stop") -> httpx2.Response:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}
    return httpx2.Response(
        200,
        json={
            "id": "x",
            "object": "chat.completion",
            "created": 1,
            "model": "chat",
            "choices": [choice],
            "usage": usage,
        },
    )


def refusal(status: int, code: str | None = None, **headers: str) -> httpx2.Response:
    return httpx2.Response(status, json={"error": {"message": "no", "type": "t", "code": code}}, headers=headers)


def test_a_completion_costs_what_the_provider_counted() -> None:
    done = World([completion('{"a": 1}')]).chat()
    assert (done.text, done.complete) == ('{"a": 1}', True)
    assert done.receipt.cost_usd == Decimal("0.00003")
    assert (done.receipt.input_tokens, done.receipt.output_tokens, done.receipt.models) == (10, 5, ("chat",))


def test_a_completion_that_was_cut_off_says_so() -> None:
    assert not World([completion(finish="length")]).chat().complete


def test_the_ceiling_covers_the_whole_request_and_the_output_limit() -> None:
    world = World([completion()])
    world.chat()
    body = len(json.dumps(world.requests[0], ensure_ascii=False).encode())
    assert world.ledger.calls[0].ceiling >= (Decimal(body) * Decimal("0.9") + 10 * 4) / 1_000_000


def test_embeddings_come_packed_and_in_the_order_of_the_texts() -> None:
    rows = [
        {"object": "embedding", "index": index, "embedding": base64.b64encode(struct.pack("<2f", index, 0.5)).decode()}
        for index in (1, 0)
    ]
    body = {"object": "list", "model": "embed", "data": rows, "usage": {"prompt_tokens": 7, "total_tokens": 7}}
    world = World([httpx2.Response(200, json=body)])
    done = world.models().embed(["a", "b"], world.payer(), purpose=QUESTION)
    assert struct.unpack("<4f", done.packed) == (0, 0.5, 1, 0.5)
    assert (done.receipt.cost_usd, done.receipt.embedding_tokens) == (Decimal("0.000007"), 7)
    assert world.requests[0]["dimensions"] == 2


@pytest.mark.parametrize("answer", [refusal(429), refusal(500), refusal(503), httpx2.ConnectError("refused")], ids=str)
def test_what_was_certainly_not_billed_is_sent_again_and_counted(answer: Answer) -> None:
    world = World([answer, completion()])
    assert world.chat().receipt.retries == 1
    assert len(world.sleeps) == 1


def test_a_retry_waits_as_long_as_the_provider_asks() -> None:
    world = World([refusal(429, **{"retry-after": "7"}), completion()])
    world.chat()
    assert world.sleeps == [7.0]


def test_a_retry_that_does_not_fit_the_callers_time_is_left_to_the_caller() -> None:
    world = World([refusal(429, **{"retry-after": "30"})])
    with pytest.raises(RetryLater) as asked:
        world.chat()
    assert (asked.value.seconds, world.sleeps) == (30.0, [])


def test_retries_are_bounded() -> None:
    world = World([refusal(503) for _ in range(9)])
    with pytest.raises(RetryLater):
        world.chat()
    assert len(world.requests) == 4


@pytest.mark.parametrize(
    "answer", [httpx2.ReadTimeout("slow"), httpx2.RemoteProtocolError("gone"), refusal(502), refusal(524)], ids=str
)
def test_what_may_have_been_billed_is_never_sent_again(answer: Answer) -> None:
    world = World([answer, completion()])
    with pytest.raises(AmbiguousCall):
        world.chat()
    assert len(world.requests) == 1


@pytest.mark.parametrize(
    "answer", [refusal(400), refusal(401), refusal(404), refusal(429, "insufficient_quota")], ids=str
)
def test_what_no_retry_cures_is_refused_at_once(answer: Answer) -> None:
    world = World([answer])
    with pytest.raises(ProviderRefused):
        world.chat()
    assert len(world.requests) == 1


def test_nothing_is_sent_without_time_for_an_answer() -> None:
    world = World([])
    with pytest.raises(DeadlineExceeded):
        world.chat(payer=world.payer(0.5))


def test_a_model_without_a_price_is_not_called() -> None:
    world = World([])
    object.__setattr__(models := world.models(), "chat_model", "unheard-of")
    with pytest.raises(UnknownPrice):
        models.chat([], world.payer(), purpose=ANSWER, schema=SCHEMA, limit=1)
    assert world.ledger.calls == []


@pytest.mark.parametrize("header", ["inf", "1e400", "-5", "nan", "soon"])
def test_a_retry_after_that_makes_no_sense_is_replaced_by_a_backoff(header: str) -> None:
    world = World([refusal(429, **{"retry-after": header}), completion()])
    world.chat()
    assert 0 < world.sleeps[0] < 1


def test_a_server_that_counts_nothing_is_charged_the_most_it_can_have_been() -> None:
    answer = completion()
    body = answer.json() | {"usage": None}
    world = World([httpx2.Response(200, json=body)])
    assert world.chat().receipt.cost_usd == world.ledger.calls[0].ceiling


def test_a_request_that_cannot_be_made_is_refused_and_not_spent() -> None:
    world = World([httpx2.UnsupportedProtocol("no scheme")])
    with pytest.raises(ProviderRefused):
        world.chat()
