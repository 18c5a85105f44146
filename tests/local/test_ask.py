"""Caches and conversations on the deployed stack, where each function has only the rights its policy gives it."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.local.conftest import Caller
from tests.local.test_stack import submit

QUESTION = "What is the number of the club?"
SIMILAR = "What is the club's number?"


@pytest.fixture
def club(caller: Caller, client: Callable[[str], Any]) -> str:
    """A document that is ready; its id."""
    put(caller, client, b"The number of the club is seven. The number of its house is nine.")
    return str(caller.await_final("club.md")["document_id"])


def put(caller: Caller, client: Callable[[str], Any], data: bytes) -> None:
    key = f"uploads/{caller.tenant}/default/club.md"
    client("s3").put_object(Bucket=caller.stack["bucket"], Key=key, Body=data)


def asked(caller: Caller, question: str = QUESTION, **more: Any) -> dict[str, Any]:
    return caller.ok("POST", "/ask", {"question": question, **more})


@pytest.mark.usefixtures("club")
def test_a_question_asked_before_is_answered_for_nothing(caller: Caller) -> None:
    first, second = asked(caller), asked(caller, f" {QUESTION.upper()} ")
    assert (first["cached"], second["cached"]) == (None, "exact")
    assert (second["answer"], second["receipt"]["cost_usd"]) == (first["answer"], "0")
    [room] = [line for line in caller.ok("GET", "/costs?by=room")["items"] if line["group"] == "ask"]
    assert room["saved_by_cache_usd"] == first["receipt"]["cost_usd"] == second["receipt"]["saved_usd"]


@pytest.mark.usefixtures("club")
def test_a_similar_question_is_answered_on_request(caller: Caller) -> None:
    first = asked(caller, cache="semantic")
    assert asked(caller, SIMILAR, cache="semantic")["cached"] == "semantic"
    assert (first["cached"], asked(caller, SIMILAR)["cached"]) == (None, None)


@pytest.mark.usefixtures("club")
def test_a_new_version_ends_what_was_known(caller: Caller, client: Callable[[str], Any]) -> None:
    assert "seven" in asked(caller)["answer"]
    put(caller, client, b"The number of the club is eight.")
    caller.await_final("club.md", version=2)
    answer = asked(caller)
    assert (answer["cached"], "eight" in answer["answer"]) == (None, True)


def test_a_conversation_goes_on_until_its_document_is_deleted(
    caller: Caller, club: str, new_caller: Callable[..., Caller]
) -> None:
    first = asked(caller, conversation_id="new")
    follow_up = {"question": "And of its house?", "conversation_id": first["conversation_id"]}
    second = caller.ok("POST", "/ask", follow_up)
    assert ("nine" in second["answer"], second["conversation_id"]) == (True, first["conversation_id"])
    assert new_caller().send("POST", "/ask", follow_up)[0] == 404
    caller.ok("DELETE", f"/documents/{club}")
    assert not asked(caller)["supported"]
    document = await_erased(caller, club)
    assert (document["erased"]["conversations"], document["erased"]["cached"] >= 1) == (1, True)
    assert caller.send("POST", "/ask", follow_up)[0] == 404


def await_erased(caller: Caller, document_id: str) -> dict[str, Any]:
    for _ in range(100):
        document = caller.ok("GET", f"/documents/{document_id}")
        if document["erased"]:
            return document
        time.sleep(0.3)
    raise AssertionError(document)


def test_what_was_said_at_upload_narrows_a_question_and_every_mode_finds_it(caller: Caller) -> None:
    for name, year in (("old.md", 2019), ("new.md", 2024)):
        data = f"The rent of the boat house is {year - 2000} coins.".encode()
        about = {"date": f"{year}-05-17", "metadata": {"year": year, "tags": ["rent"]}}
        made = caller.ok("POST", "/documents", {"filename": name, "size": len(data), **about})
        assert submit(made["upload"], data) < 300
        document = caller.await_final(name)
        assert (document["date"], document["metadata"]) == (about["date"], about["metadata"])
    question = "What is the rent of the boat house?"
    for mode in ("hybrid", "dense", "lexical"):
        answer = asked(caller, question, mode=mode, filter={"metadata": {"year": {"to": 2020}, "tags": "rent"}})
        assert {citation["filename"] for citation in answer["citations"]} == {"old.md"}
        answer = asked(caller, question, mode=mode, filter={"date": {"from": "2024-01-01"}})
        assert {citation["filename"] for citation in answer["citations"]} == {"new.md"}
    models = asked(caller, "How many coins is the rent?")["receipt"]["models"]
    assert {"pinecone-sparse-english-v0", "bge-reranker-v2-m3"} < set(models)
