"""Dense and sparse vectors beside one another: made, paid, lost and kept together, searched apart or fused."""

import time
from typing import Any

import pytest

from quadrille import clients
from quadrille.ask.models import Filter
from quadrille.calls import Payer
from quadrille.documents import Place
from quadrille.errors import ProviderRefused, RetryLater
from quadrille.inference import Inference
from quadrille.llm import Models
from quadrille.vectors import Vectors
from tests.integration.house import House, reset_caches
from tests.integration.test_pipeline import shown
from tests.integration.test_reuse import EARLIER, put, results, searched, text


@pytest.fixture
def book(hosted: House, tenant: str, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A document of three chunks, in batches of two."""
    for name, value in {"CHUNK_TOKENS": "60", "CHUNK_OVERLAP_TOKENS": "1", "EMBED_BATCH": "2"}.items():
        monkeypatch.setenv(name, value)
    reset_caches()
    place = Place(tenant, "default", "book.md")
    put(hosted, place, "one", "two", "three")
    return place


def sparse_of(place: Place) -> int:
    """How many stored chunks have a sparse vector."""
    vectors: Vectors = clients.vectors()
    ids = vectors.ids(place.tenant, prefix=place.document_id)
    found = vectors.index.fetch(ids=ids, namespace=place.tenant).vectors
    return sum(vector.sparse_values is not None for vector in found.values())


def test_each_batch_is_embedded_by_both_models_and_each_is_paid_once(hosted: House, book: Place) -> None:
    document = shown(hosted, book)
    assert (document["status"], document["receipt"]["calls"], sparse_of(book)) == ("ready", 4, 3)
    assert document["receipt"]["models"] == ["offline-hashed-embedding", "pinecone-sparse-english-v0"]


def test_an_unchanged_chunk_keeps_both_its_vectors(hosted: House, book: Place) -> None:
    put(hosted, book, "one", "four", "three")
    document = shown(hosted, book)
    assert document["chunks"] == {"total": 3, "embedded": 1, "reused": 2}
    assert (document["receipt"]["calls"], sparse_of(book)) == (2, 3)


def test_lost_sparse_vectors_are_made_again_and_nothing_else_is_paid(hosted: House, book: Place) -> None:
    hosted.drop(book.key, text("four", "five", "six"))
    hosted.work(*EARLIER)
    row = clients.documents().get(book.tenant, book.document_id)
    clients.blobs().delete([row["batches"]["0"]["sparse"]])
    hosted.work()
    document = shown(hosted, book)
    assert (document["status"], document["receipt"]["calls"], sparse_of(book)) == ("ready", 5, 3)
    assert searched(hosted, book) == {"four", "five", "six"}


def test_a_kept_chunk_whose_sparse_vector_is_lost_is_embedded_again(hosted: House, book: Place) -> None:
    hosted.drop(book.key, text("one", "four", "three"))
    hosted.work(*EARLIER)
    row = clients.documents().get(book.tenant, book.document_id)
    made = {key for batch in row["batches"].values() for key in (batch["blob"], batch["sparse"])}
    clients.blobs().delete(sorted(set(results(book)) - made))
    hosted.work()
    document = shown(hosted, book)
    assert (document["status"], document["chunks"]["reused"], sparse_of(book)) == ("ready", 0, 3)


def test_a_sparse_model_that_comes_later_embeds_the_next_version_anew(
    hosted: House, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tenant, "default", "book.md")
    monkeypatch.delenv("SPARSE_MODEL")
    reset_caches()
    hosted.drop(place.key, b"The number is four.")
    hosted.work()
    assert sparse_of(place) == 0
    monkeypatch.setenv("SPARSE_MODEL", "pinecone-sparse-english-v0")
    reset_caches()
    hosted.drop(place.key, b"The number is four. ")
    hosted.work()
    assert (shown(hosted, place)["chunks"]["reused"], sparse_of(place)) == (0, 1)


def test_a_text_without_words_is_indexed_without_a_sparse_vector(hosted: House, tenant: str) -> None:
    place = Place(tenant, "default", "faces.txt")
    hosted.drop(place.key, "😀 😀 😀".encode())
    hosted.work()
    assert (shown(hosted, place)["status"], sparse_of(place)) == ("ready", 0)


def test_an_estimate_counts_both_models(hosted: House, tenant: str) -> None:
    _, both = hosted.call("ingest/estimates", "POST", "/documents/estimate", {"tokens": 1_000}, tenant=tenant)
    assert both["calls"]["embedding"] == 2
    assert float(both["cost_usd"]) > 1_000 * (0.02 + 0.08) / 1e6


def search(house: House, place: Place, query: str, **more: object) -> dict[str, Any]:
    status, answer = house.call("ask/search", "POST", "/search", {"query": query, **more}, tenant=place.tenant)
    assert status == 200, answer
    return answer


def models_of(answer: dict[str, Any]) -> list[str]:
    models: list[str] = answer["receipt"]["models"]
    return sorted(models)


DENSE, SPARSE, RERANKER = "offline-hashed-embedding", "pinecone-sparse-english-v0", "bge-reranker-v2-m3"


@pytest.mark.parametrize(
    ("mode", "models"), [("hybrid", [RERANKER, DENSE, SPARSE]), ("dense", [DENSE]), ("lexical", [SPARSE])]
)
def test_a_mode_pays_what_it_needs_and_finds_the_chapter(
    hosted: House, book: Place, mode: str, models: list[str]
) -> None:
    answer = search(hosted, book, "the chapter whose number is two", mode=mode)
    assert (models_of(answer), answer["hits"][0]["text"].split()[2]) == (models, "two")
    assert search(hosted, book, "the chapter whose number is two", mode=mode)["receipt"]["calls"] == 0


def test_hybrid_is_the_default_and_scores_fall(hosted: House, book: Place) -> None:
    answer = search(hosted, book, "number two")
    scores = [hit["score"] for hit in answer["hits"]]
    assert (models_of(answer), scores) == ([RERANKER, DENSE, SPARSE], sorted(scores, reverse=True))


def test_words_alone_find_nothing_that_shares_none(hosted: House, book: Place) -> None:
    assert search(hosted, book, "zebra", mode="lexical")["hits"] == []
    assert search(hosted, book, "😀", mode="lexical")["hits"] == []


def test_without_a_sparse_model_lexical_is_refused_and_hybrid_is_dense(house: House, club: Place) -> None:
    body = {"query": "number", "mode": "lexical"}
    status, problem = house.call("ask/search", "POST", "/search", body, tenant=club.tenant)
    assert (status, "sparse model" in str(problem)) == (422, True)
    assert models_of(search(house, club, "number")) == [DENSE]


@pytest.mark.parametrize(("method", "left"), [("rerank", [DENSE, SPARSE]), ("embed", [RERANKER, DENSE])])
def test_a_hosted_model_that_is_down_is_gone_without(
    hosted: House, book: Place, monkeypatch: pytest.MonkeyPatch, method: str, left: list[str]
) -> None:
    def down(*_: object, **__: object) -> None:
        raise RetryLater("down")

    monkeypatch.setattr(Inference, method, down)
    answer = search(hosted, book, "number two")
    assert (models_of(answer), len(answer["hits"])) == (left, 3)


def test_an_error_of_one_search_carries_what_the_other_paid(
    hosted: House, book: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise ProviderRefused("no such model")

    monkeypatch.setattr(Models, "embed", refused)
    payer = Payer(book.tenant, "searches/1", time.time() + 20, time.time() + 22)
    with pytest.raises(ProviderRefused) as raised:
        clients.retriever().find("number", payer, collection="default", top_k=3, only=Filter())
    assert raised.value.receipt
    assert (raised.value.receipt.calls, raised.value.receipt.models) == (1, (SPARSE,))


def test_an_answer_is_found_by_both_and_another_manner_of_finding_is_another_answer(
    hosted: House, book: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = {"question": "What is the number of this chapter two?"}
    _, first = hosted.call("ask/answer", "POST", "/ask", ask, tenant=book.tenant)
    assert (first["supported"], models_of(first)) == (True, [RERANKER, "offline-extractive-chat", DENSE, SPARSE])
    monkeypatch.delenv("RERANK_MODEL")
    reset_caches()
    _, second = hosted.call("ask/answer", "POST", "/ask", ask, tenant=book.tenant)
    assert second["cached"] is None


def test_what_was_found_without_a_model_that_was_down_is_not_kept(
    hosted: House, book: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object, **__: object) -> None:
        raise RetryLater("down")

    ask = {"question": "What is the number of this chapter two?"}
    with monkeypatch.context() as patch:
        patch.setattr(Inference, "rerank", down)
        hosted.call("ask/answer", "POST", "/ask", ask, tenant=book.tenant)
    _, second = hosted.call("ask/answer", "POST", "/ask", ask, tenant=book.tenant)
    assert (second["cached"], RERANKER in models_of(second)) == (None, True)
    _, third = hosted.call("ask/answer", "POST", "/ask", ask, tenant=book.tenant)
    assert third["cached"] == "exact"
