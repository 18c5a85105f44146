"""A new version keeps the vectors of what has not changed, and pays for the rest."""

import pytest

from quadrille import clients
from quadrille.documents import Place
from tests.integration.house import House, reset_caches
from tests.integration.test_pipeline import shown


@pytest.fixture
def book(house: House, tenant: str, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A document of three chunks, in batches of two."""
    monkeypatch.setenv("CHUNK_TOKENS", "60")
    monkeypatch.setenv("CHUNK_OVERLAP_TOKENS", "1")
    monkeypatch.setenv("EMBED_BATCH", "2")
    reset_caches()
    place = Place(tenant, "default", "book.md")
    put(house, place, "one", "two", "three")
    return place


def put(house: House, place: Place, *words: str) -> None:
    """A version with a chunk for each word."""
    text = "".join(f"# Chapter {word}\n\n{f'The number of this chapter is {word}. ' * 6}\n\n" for word in words)
    house.drop(place.key, text.encode())
    house.work()


def searched(house: House, place: Place) -> set[str]:
    body = {"query": "number of this chapter", "top_k": 9}
    _, answer = house.call("ask/search", "POST", "/search", body, tenant=place.tenant)
    return {hit["text"].split()[2] for hit in answer["hits"]}


def test_an_unchanged_chunk_keeps_its_vector_and_a_changed_one_is_paid_for(house: House, book: Place) -> None:
    assert shown(house, book)["chunks"] == {"total": 3, "embedded": 3, "reused": 0}
    put(house, book, "one", "four", "three")
    document = shown(house, book)
    assert (document["status"], document["version"]) == ("ready", 2)
    assert document["chunks"] == {"total": 3, "embedded": 1, "reused": 2}
    assert document["receipt"]["calls"] == 1
    assert searched(house, book) == {"one", "four", "three"}


def test_a_version_with_nothing_new_in_it_pays_nothing(house: House, book: Place) -> None:
    put(house, book, "three", "one")
    document = shown(house, book)
    assert (document["status"], document["chunks"]) == ("ready", {"total": 2, "embedded": 0, "reused": 2})
    assert (document["receipt"]["calls"], document["receipt"]["cost_usd"]) == (0, "0")
    assert searched(house, book) == {"one", "three"}


def test_vectors_are_kept_over_many_versions(house: House, book: Place) -> None:
    put(house, book, "one", "four")
    put(house, book, "one", "four", "five")
    assert shown(house, book)["chunks"] == {"total": 3, "embedded": 1, "reused": 2}
    assert searched(house, book) == {"one", "four", "five"}


def test_a_vector_that_is_gone_from_the_bucket_is_not_counted_on(house: House, book: Place) -> None:
    clients.blobs().delete(clients.blobs().list(f"results/{book.tenant}/"))
    put(house, book, "one", "six")
    document = shown(house, book)
    assert (document["status"], document["chunks"]["reused"]) == ("ready", 0)


def test_another_model_means_embedding_everything_anew(
    house: House, book: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMBEDDING_DIMENSIONS", "1024")
    reset_caches()
    house.drop(book.key, b"# Chapter one\n\n" + b"The number of this chapter is one. " * 6)
    house.work("extract", "chunk")
    assert shown(house, book)["chunks"]["reused"] == 0
