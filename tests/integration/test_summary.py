"""A long document gets a summary beside its embeddings; whoever comes in last sends it to index."""

import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest

from quadrille import clients
from quadrille.documents import Place
from quadrille.errors import ProviderRefused
from quadrille.ingest.join import complete, levels
from quadrille.llm import Models
from tests.integration.house import House, invoke, reset_caches, sqs_event
from tests.integration.test_pipeline import shown


@pytest.fixture
def book(house: House, tenant: str, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A text of many parts, chunked: its batches and parts wait in their queues."""
    for name, value in {"SUMMARY_OVER_TOKENS": "200", "CHUNK_TOKENS": "100", "EMBED_BATCH": "8"}.items():
        monkeypatch.setenv(name, value)
    reset_caches()
    place = Place(tenant, "default", "book.txt")
    lines = (f"The harbour of town {n} was built by the masons of guild {n * 7 % 90} in spring." for n in range(190))
    house.drop(place.key, "\n\n".join(lines).encode())
    house.work("extract", "chunk")
    return place


def test_a_long_document_has_a_summary_and_a_receipt_that_counts_it(house: House, book: Place) -> None:
    house.work()
    document = shown(house, book)
    row = clients.documents().get(book.tenant, book.document_id)
    assert (document["status"], document["missing"]) == ("ready", [])
    assert "harbour" in document["summary"]
    assert row["summary_parts"] >= 9
    assert document["receipt"]["calls"] == sum(levels(int(row["summary_parts"]))) + row["batches_total"]
    assert set(document["receipt"]["models"]) == {"offline-hashed-embedding", "offline-extractive-chat"}


def test_a_short_document_has_none(house: House, tenant: str) -> None:
    place = Place(tenant, "default", "note.txt")
    house.drop(place.key, b"A note about a harbour.")
    house.work()
    document = shown(house, place)
    assert (document["status"], document["summary"], document["receipt"]["calls"]) == ("ready", None, 1)


@pytest.mark.parametrize("seed", range(4))
def test_delivered_twice_and_in_any_order_the_last_part_in_sends_it_to_index(
    house: House, book: Place, seed: int
) -> None:
    chance, sent = random.Random(seed), 0
    pending = [pair for stage in ("embed", "summarize") for pair in taken(house, stage)]
    while pending:
        stage, message = pending.pop(chance.randrange(len(pending)))
        for _ in range(chance.choice((1, 1, 2))):
            assert invoke(f"ingest/{stage}", sqs_event(message)) == {"batchItemFailures": []}
        pending += taken(house, "summarize")
        sent += len(house._receive("index"))
        assert bool(sent) == complete(clients.documents().get(book.tenant, book.document_id))
    house.work("index")
    document = shown(house, book)
    row = clients.documents().get(book.tenant, book.document_id)
    assert document["status"] == "ready"
    assert document["receipt"]["calls"] == sum(levels(int(row["summary_parts"]))) + row["batches_total"]


def taken(house: House, stage: str) -> list[tuple[str, dict[str, Any]]]:
    """The messages of a stage, taken out of its queue."""
    return [pair for batch in iter(lambda: house._receive(stage), []) for pair in batch if not forget(house, *pair)]


def forget(house: House, stage: str, message: dict[str, Any]) -> None:
    house.sqs.delete_message(QueueUrl=house.urls[stage], ReceiptHandle=message["ReceiptHandle"])


def refusing(monkeypatch: pytest.MonkeyPatch, when: Callable[[int], bool]) -> None:
    """Let the provider refuse some summaries for good."""
    chat, calls = Models.chat, itertools.count()

    def refused(*args: Any, **kwargs: Any) -> Any:
        if when(next(calls)):
            raise ProviderRefused("The model provider refused the request: too rude.")
        return chat(*args, **kwargs)

    monkeypatch.setattr(Models, "chat", refused)


def test_a_part_that_cannot_be_summarized_costs_that_part_alone(
    house: House, book: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing(monkeypatch, lambda call: call == 3)
    house.work()
    document = shown(house, book)
    assert document["status"] == "partial"
    [gap] = document["missing"]
    assert gap["summary"].startswith("0-")
    assert "too rude" in gap["reason"]
    assert "harbour" in document["summary"]


def test_without_a_chat_model_a_document_is_searchable_without_summary(
    house: House, book: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing(monkeypatch, lambda _: True)
    house.work()
    document = shown(house, book)
    assert (document["status"], document["summary"]) == ("partial", None)
    assert document["chunks"]["embedded"] == document["chunks"]["total"]


def test_a_retry_makes_what_is_missing_of_a_summary(house: House, book: Place) -> None:
    [(_, one), *_] = house._receive("summarize")
    invoke("ingest/summarize", sqs_event(one))
    house.sqs.purge_queue(QueueUrl=house.urls["summarize"])
    house.work()
    assert shown(house, book)["status"] == "embedding"
    assert house.call("ingest/documents", "POST", f"/documents/{book.document_id}/retry", tenant=book.tenant)[0] == 202
    house.work()
    document = shown(house, book)
    row = clients.documents().get(book.tenant, book.document_id)
    assert document["status"] == "ready"
    assert document["receipt"]["calls"] == sum(levels(int(row["summary_parts"]))) + row["batches_total"]


@pytest.mark.parametrize(("parts", "expected"), [(0, []), (1, [1]), (8, [8, 1]), (9, [9, 2, 1]), (65, [65, 9, 2, 1])])
def test_a_summary_is_a_tree_whose_top_is_one_part(parts: int, expected: list[int]) -> None:
    assert levels(parts) == expected
