"""The official openai client, its transport the handlers in this process."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI

from local.stack.places import ROOT
from quadrille import clients
from tests.integration.house import House, http_event, invoke, reset_caches

QUESTION = "How long is the battery of the Aurora X2 under warranty?"
ANSWER = (
    "The battery of the Aurora X2 is under warranty for 36 months or 1,000 charge cycles, whichever comes first. [1]"
)
FUNCTIONS = {"/chat/completions": "ask/completions", "/models": "ask/models"}


class Gateway(httpx2.BaseTransport):
    """Hands requests to the handlers of a tenant, and counts them."""

    def __init__(self, tenant: str, scopes: str = "ask") -> None:
        self.tenant, self.scopes, self.requests = tenant, scopes, 0

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests += 1
        body = request.read().decode() or None
        event = http_event(request.method, request.url.path, body, tenant=self.tenant, scopes=self.scopes)
        answer = invoke(FUNCTIONS[request.url.path], event)
        headers = answer.get("headers") or {name: values[0] for name, values in answer["multiValueHeaders"].items()}
        return httpx2.Response(answer["statusCode"], headers=headers, content=answer["body"].encode())


@pytest.fixture
def gateway(house: House, tenant: str) -> Gateway:
    return Gateway(tenant)


@pytest.fixture
def talker(gateway: Gateway) -> Iterator[OpenAI]:
    with OpenAI(base_url="http://gateway", api_key="k", http_client=httpx2.Client(transport=gateway)) as talker:
        yield talker


@pytest.fixture
def samples(house: House, tenant: str) -> None:
    for collection in ("default", "manuals"):
        name = "warranty-and-returns.pdf"
        house.drop(f"uploads/{tenant}/{collection}/{name}", (ROOT / "local/samples" / name).read_bytes())
    house.work()


def said(*contents: str, system: str = "") -> Any:
    """Messages of a conversation, the user's first."""
    roles = ["user", "assistant"] * len(contents)
    talk = [{"role": role, "content": content} for role, content in zip(roles, contents, strict=False)]
    return [{"role": "system", "content": system}, *talk] if system else talk


def sent_to_the_model(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the chat model is asked from now on."""
    from quadrille.llm import Models

    asked: list[Any] = []
    real = Models.chat

    def chat(self: Models, messages: Any, *args: Any, **more: Any) -> Any:
        asked.append({"messages": messages, **more})
        return real(self, messages, *args, **more)

    monkeypatch.setattr(Models, "chat", chat)
    return asked


def test_an_answer_has_footnotes_citations_usage_and_a_receipt(talker: OpenAI, samples: None) -> None:
    completion: Any = talker.chat.completions.create(model="quadrille", messages=said(QUESTION))
    [choice] = completion.choices
    assert choice.message.content == f"{ANSWER}\n\n[1] warranty-and-returns.pdf, page 2"
    assert (choice.finish_reason, choice.message.role, completion.model) == ("stop", "assistant", "quadrille")
    [citation] = choice.message.citations
    assert (citation["filename"], citation["page"]) == ("warranty-and-returns.pdf", 2)
    tokens = completion.receipt["tokens"]
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (tokens["input"], tokens["output"])
    assert completion.usage.total_tokens == tokens["input"] + tokens["output"] > 0
    assert completion.id.startswith("chatcmpl-")
    assert completion.system_fingerprint is None


def test_it_is_the_answer_post_ask_gives_and_is_paid_for_once(
    talker: OpenAI, house: House, samples: None, tenant: str
) -> None:
    body = {"question": QUESTION, "collection": "manuals"}
    _, asked = house.call("ask/answer", "POST", "/ask", body, tenant=tenant)
    completion: Any = talker.chat.completions.create(model="quadrille/manuals", messages=said(QUESTION))
    assert completion.choices[0].message.citations == asked["citations"]
    assert Decimal(completion.receipt["cost_usd"]) == 0 < Decimal(completion.receipt["saved_usd"])


def test_a_stream_is_role_answer_end_and_usage(talker: OpenAI, samples: None) -> None:
    stream = talker.chat.completions.create(
        model="quadrille", messages=said(QUESTION), stream=True, stream_options={"include_usage": True}
    )
    chunks: list[Any] = list(stream)
    assert [len(chunk.choices) for chunk in chunks] == [1, 1, 1, 0]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert (chunks[1].choices[0].delta.content or "").startswith(ANSWER)
    assert chunks[1].choices[0].delta.citations[0]["page"] == 2
    assert [chunk.choices[0].finish_reason for chunk in chunks[:3]] == [None, None, "stop"]
    assert [chunk.usage is None for chunk in chunks] == [True, True, True, False]
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_stream_is_well_formed_server_sent_events(gateway: Gateway, samples: None) -> None:
    body = json.dumps({"model": "quadrille", "messages": said(QUESTION), "stream": True})
    answer = gateway.handle_request(httpx2.Request("POST", "http://gateway/chat/completions", content=body))
    assert answer.headers["content-type"] == "text/event-stream"
    *events, rest = answer.text.split("\n\n")
    assert (rest, events[-1]) == ("", "data: [DONE]")
    assert all("usage" not in json.loads(event.removeprefix("data: ")) for event in events[:-1])


def test_what_is_not_supported_by_the_documents_is_refused_in_words(talker: OpenAI, samples: None) -> None:
    completion: Any = talker.chat.completions.create(model="quadrille", messages=said("Who won the 1954 world cup?"))
    [choice] = completion.choices
    assert (choice.message.citations, choice.finish_reason) == ([], "stop")
    assert "do not contain" in choice.message.content


def test_system_messages_are_wishes_about_words_and_stand_beside_the_sources(
    talker: OpenAI, samples: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = sent_to_the_model(monkeypatch)
    talker.chat.completions.create(model="quadrille", messages=said(QUESTION, system="Answer like a pirate."))
    [system, user] = asked[0]["messages"]
    assert "pirate" not in system["content"]
    given = json.loads(user["content"])
    assert (given["style"], given["question"]) == ("Answer like a pirate.", QUESTION)


def test_a_follow_up_is_found_by_what_was_asked_before(talker: OpenAI, samples: None) -> None:
    messages = said(
        "What about the battery of the Aurora X2?", "What do you want to know?", "How long is it under warranty?"
    )
    completion: Any = talker.chat.completions.create(model="quadrille", messages=messages)
    assert "36 months" in (completion.choices[0].message.content or "")


def test_content_may_be_parts_of_text(talker: OpenAI, samples: None) -> None:
    parts: Any = [
        {"type": "text", "text": "How long is the battery of the Aurora X2"},
        {"type": "text", "text": "under warranty?"},
    ]
    completion = talker.chat.completions.create(model="quadrille", messages=[{"role": "user", "content": parts}])
    assert "36 months" in (completion.choices[0].message.content or "")


def test_max_tokens_is_an_upper_bound_and_an_answer_over_it_says_so(
    talker: OpenAI, samples: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = sent_to_the_model(monkeypatch)
    cut: Any = talker.chat.completions.create(model="quadrille", messages=said(QUESTION), max_completion_tokens=5)
    assert (cut.choices[0].finish_reason, cut.choices[0].message.citations) == ("length", [])
    assert cut.usage.completion_tokens <= 5
    assert cut.receipt["calls"] == 2
    talker.chat.completions.create(model="quadrille", messages=said(QUESTION), max_tokens=100_000)
    assert [call["limit"] for call in asked] == [5, 1_000]


def test_an_answer_sent_back_with_its_citations_is_history(talker: OpenAI, samples: None) -> None:
    first = talker.chat.completions.create(model="quadrille", messages=said(QUESTION)).choices[0].message
    messages: Any = [*said(QUESTION), first.model_dump(), *said("And how long is the Aurora X2 under warranty?")]
    assert talker.chat.completions.create(model="quadrille", messages=messages).choices[0].message.content


HARMLESS: dict[str, Any] = {
    "temperature": 0.2,
    "top_p": 1,
    "seed": 1,
    "user": "u",
    "metadata": {"a": "b"},
    "store": False,
    "n": 1,
    "tools": [],
    "stop": None,
    "logprobs": False,
    "response_format": {"type": "text"},
    "reasoning_effort": "low",
    "parallel_tool_calls": False,
}


def test_what_every_client_sends_is_taken(talker: OpenAI, samples: None) -> None:
    completion = talker.chat.completions.create(model="quadrille", messages=said(QUESTION), **HARMLESS)
    assert ANSWER in (completion.choices[0].message.content or "")


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"n": 2}, "n"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"logprobs": True}, "logprobs"),
        ({"stop": ["."]}, "stop"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"modalities": ["audio"]}, "modalities"),
        ({"audio": {"voice": "x"}}, "audio"),
        ({"extra_body": {"colection": "x"}}, "colection"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": said("Hello?", "Yes.")}, "messages.1"),
        ({"messages": said("   ")}, "messages.0"),
        ({"messages": said("x" * 4_001)}, "messages.0"),
        ({"messages": said("x", system="y" * 8_001)}, "messages"),
        ({"messages": [{"role": "tool", "content": "x", "tool_call_id": "1"}]}, "messages.0.role"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            "messages.0.content",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": 7}]}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages.0.content"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_would_be_another_answer_is_refused_by_name(
    talker: OpenAI, gateway: Gateway, change: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        talker.chat.completions.create(**{"model": "quadrille", "messages": said("x"), **change})
    assert (refused.value.param, refused.value.type) == (param, "invalid_request_error")
    assert gateway.requests == 1


@pytest.mark.parametrize("model", ["gpt-6-luna", "quadrille/", "quadrille/../other", "Quadrille", "", "quadrille/a/b"])
def test_a_model_that_is_no_collection_is_not_found(talker: OpenAI, model: str) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        talker.chat.completions.create(model=model, messages=said("x"))
    assert (refused.value.code, refused.value.param) == ("model_not_found", "model")


def test_a_key_without_the_scope_is_refused(house: House, tenant: str) -> None:
    transport = httpx2.Client(transport=Gateway(tenant, scopes="ingest"))
    with OpenAI(base_url="http://gateway", api_key="k", http_client=transport) as talker:
        with pytest.raises(openai.PermissionDeniedError, match="'ask'"):
            talker.chat.completions.create(model="quadrille", messages=said("x"))
        with pytest.raises(openai.PermissionDeniedError, match="'ask'"):
            talker.models.list()


def test_a_used_up_budget_is_an_insufficient_quota_that_is_not_tried_again(
    talker: OpenAI, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAILY_BUDGET_USD", "0.0000001")
    reset_caches()
    with pytest.raises(openai.APIStatusError) as refused:
        talker.chat.completions.create(model="quadrille", messages=said("x"))
    assert (refused.value.status_code, refused.value.code) == (402, "insufficient_quota")
    assert gateway.requests == 1


def test_a_provider_that_is_down_is_tried_again_and_one_that_refuses_is_not(
    talker: OpenAI, gateway: Gateway, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    reset_caches()
    with pytest.raises(openai.InternalServerError, match="503"):
        talker.with_options(max_retries=1).chat.completions.create(model="quadrille", messages=said("x"))
    assert gateway.requests == 2
    monkeypatch.setenv("PINECONE_SECRET", "unset")
    reset_caches()
    with pytest.raises(openai.InternalServerError, match="make secrets"):
        talker.chat.completions.create(model="quadrille", messages=said("y"))
    assert gateway.requests == 3


def test_a_conversation_may_be_longer_than_other_requests_up_to_its_limit(
    talker: OpenAI, gateway: Gateway, samples: None
) -> None:
    long = said(*["x" * 4_000] * 40, QUESTION)
    assert talker.chat.completions.create(model="quadrille", messages=long).choices[0].message.content
    with pytest.raises(openai.APIStatusError, match="524288"):
        talker.chat.completions.create(model="quadrille", messages=said(*["x" * 4_000] * 140, QUESTION))


def test_models_are_the_tenants_collections_and_the_default(talker: OpenAI, samples: None) -> None:
    models = talker.models.list().data
    assert [model.id for model in models] == ["quadrille", "quadrille/default", "quadrille/manuals"]
    assert all(model.created > 1_600_000_000 and model.object == "model" for model in models)


def test_without_documents_there_is_the_default_model(talker: OpenAI, house: House, tenant: str) -> None:
    sizes = {"chunk_tokens": 200, "chunk_overlap_tokens": 20}
    assert house.call("ingest/collections", "PUT", "/collections/planned", sizes, tenant=tenant)[0] == 200
    assert [model.id for model in talker.models.list()] == ["quadrille"]


def test_another_tenants_collection_is_empty_and_unlisted(house: House, samples: None) -> None:
    with OpenAI(
        base_url="http://gateway", api_key="k", http_client=httpx2.Client(transport=Gateway("stranger"))
    ) as other:
        assert [model.id for model in other.models.list()] == ["quadrille"]
        completion: Any = other.chat.completions.create(model="quadrille/manuals", messages=said(QUESTION))
    assert completion.choices[0].message.citations == []


def test_sizes_and_the_beginning_of_a_collection_do_not_overwrite_each_other(house: House, tenant: str) -> None:
    sizes = {"chunk_tokens": 200, "chunk_overlap_tokens": 20}
    house.call("ingest/collections", "PUT", "/collections/x", sizes, tenant=tenant)
    assert clients.collections().enter(tenant, "x").tokens == 200
    house.call("ingest/collections", "PUT", "/collections/x", sizes | {"chunk_tokens": 300}, tenant=tenant)
    assert list(clients.collections().names(tenant)) == ["x"]
    assert clients.collections().enter(tenant, "x").tokens == 300
