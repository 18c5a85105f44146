"""The official openai client against the running stack: all it needs is the base URL and a key."""

from collections.abc import Callable
from typing import Any

import openai
import pytest
from openai import OpenAI

from local.stack.places import ROOT
from tests.local.conftest import Caller

MANUAL = "warranty-and-returns.pdf"
ASKED: Any = [{"role": "user", "content": "How long is the battery of the Aurora X2 under warranty?"}]


def talk(caller: Caller, key: str = "") -> OpenAI:
    return OpenAI(base_url=caller.stack["api_url"], api_key=key or caller.key)


@pytest.fixture
def reader(caller: Caller, client: Callable[[str], Any]) -> Caller:
    """A tenant with one manual in a collection of its own."""
    key = f"uploads/{caller.tenant}/manuals/{MANUAL}"
    client("s3").put_object(Bucket=caller.stack["bucket"], Key=key, Body=(ROOT / "local/samples" / MANUAL).read_bytes())
    assert caller.await_final(MANUAL)["status"] == "ready"
    return caller


def test_the_client_lists_asks_and_streams(reader: Caller, new_caller: Callable[..., Caller]) -> None:
    with talk(reader) as client:
        assert [model.id for model in client.models.list()] == ["quadrille", "quadrille/manuals"]
        raw = client.chat.completions.with_raw_response.create(model="quadrille/manuals", messages=ASKED)
        assert raw.headers["content-type"] == "application/json"
        whole: Any = raw.parse()
        content = whole.choices[0].message.content
        assert content.endswith(f"[1] {MANUAL}, page 2")
        assert whole.choices[0].message.citations[0]["filename"] == MANUAL
        stream = client.chat.completions.create(
            model="quadrille/manuals", messages=ASKED, stream=True, stream_options={"include_usage": True}
        )
        chunks = list(stream)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == content
        assert chunks[-1].usage
    with talk(new_caller()) as other:
        assert [model.id for model in other.models.list()] == ["quadrille"]
        nothing: Any = other.chat.completions.create(model="quadrille/manuals", messages=ASKED)
        assert nothing.choices[0].message.citations == []


def test_a_stream_is_server_sent_events_on_the_wire(caller: Caller) -> None:
    with talk(caller) as client:
        raw = client.chat.completions.with_raw_response.create(model="quadrille", messages=ASKED, stream=True)
        assert raw.headers["content-type"] == "text/event-stream"


def test_every_error_is_the_clients_own(caller: Caller, new_caller: Callable[..., Caller]) -> None:
    with talk(caller) as client:
        with pytest.raises(openai.BadRequestError) as refused:
            client.chat.completions.create(model="quadrille", messages=ASKED, n=2)
        assert refused.value.param == "n"
        with pytest.raises(openai.NotFoundError) as missing:
            client.chat.completions.create(model="gpt-6-luna", messages=ASKED)
        assert missing.value.code == "model_not_found"
    with talk(caller, key="qk_wrong") as client, pytest.raises(openai.AuthenticationError) as unknown:
        client.models.list()
    assert unknown.value.code == "invalid_api_key"
    with talk(new_caller(("ingest",))) as client, pytest.raises(openai.PermissionDeniedError, match="'ask'"):
        client.chat.completions.create(model="quadrille", messages=ASKED)


def test_a_used_up_budget_is_not_tried_again(new_caller: Callable[..., Caller]) -> None:
    caller = new_caller(("ask", "admin"))
    caller.ok("PUT", "/budgets/day", {"limit_usd": "0"})
    with talk(caller) as client, pytest.raises(openai.APIStatusError) as refused:
        client.chat.completions.create(model="quadrille", messages=ASKED)
    assert (refused.value.status_code, refused.value.code) == (402, "insufficient_quota")
