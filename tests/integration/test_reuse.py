"""A new version keeps the vectors of what has not changed, and pays for the rest and for what is lost."""

import pytest

from quadrille import clients
from quadrille.documents import Place
from tests.integration.house import House, reset_caches
from tests.integration.kills import Executioner
from tests.integration.test_erase import delete
from tests.integration.test_pipeline import shown
from tests.integration.test_retry import retry

EARLIER = ("extract", "chunk", "embed")


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


def text(*words: str) -> bytes:
    """A text with a chunk for each word."""
    return "".join(
        f"# Chapter {word}\n\n{f'The number of this chapter is {word}. ' * 6}\n\n" for word in words
    ).encode()


def put(house: House, place: Place, *words: str) -> None:
    """A version with a chunk for each word."""
    house.drop(place.key, text(*words))
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


def results(place: Place) -> list[str]:
    return clients.blobs().list(f"results/{place.tenant}/")


def test_a_lost_batch_is_embedded_again_and_only_that_one_is_paid(house: House, book: Place) -> None:
    house.drop(book.key, text("four", "five", "six"))
    house.work(*EARLIER)
    row = clients.documents().get(book.tenant, book.document_id)
    clients.blobs().delete([row["batches"]["0"]["blob"]])
    house.work()
    document = shown(house, book)
    assert (document["status"], document["receipt"]["calls"]) == ("ready", 3)
    assert document["chunks"] == {"total": 3, "embedded": 3, "reused": 0}
    assert searched(house, book) == {"four", "five", "six"}


def test_a_chunk_whose_kept_vector_is_lost_becomes_a_batch_of_its_own(house: House, book: Place) -> None:
    house.drop(book.key, text("one", "four", "three"))
    house.work(*EARLIER)
    row = clients.documents().get(book.tenant, book.document_id)
    kept = set(results(book)) - {batch["blob"] for batch in row["batches"].values()}
    clients.blobs().delete(sorted(kept))
    house.work()
    document = shown(house, book)
    assert (document["status"], document["receipt"]["calls"]) == ("ready", 2)
    assert document["chunks"] == {"total": 3, "embedded": 3, "reused": 0}
    assert searched(house, book) == {"one", "four", "three"}
    put(house, book, "one", "four", "three", "five")
    assert shown(house, book)["chunks"] == {"total": 4, "embedded": 1, "reused": 3}


def test_everything_lost_is_made_again(house: House, book: Place) -> None:
    house.drop(book.key, text("one", "four", "three"))
    house.work(*EARLIER)
    clients.blobs().delete(results(book))
    house.work()
    assert (shown(house, book)["status"], searched(house, book)) == ("ready", {"one", "four", "three"})


def test_a_result_deleted_with_another_document_that_shared_it_is_made_again(house: House, book: Place) -> None:
    twin = Place(book.tenant, "default", "twin.md")
    house.drop(twin.key, text("one", "two", "three"))
    house.work(*EARLIER)
    assert shown(house, twin)["receipt"]["calls"] == 0
    delete(house, book)
    house.work("erase")
    house.work()
    document = shown(house, twin)
    assert (document["status"], document["receipt"]["calls"]) == ("ready", 2)
    assert searched(house, twin) == {"one", "two", "three"}


def test_what_is_lost_again_and_again_fails_and_a_retry_makes_it(
    house: House, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tenant, "default", "notes.md")
    house.drop(place.key, b"The number is four.")
    for _ in range(7):
        house.work("extract", "chunk", "embed")
        clients.blobs().delete(results(place))
        house.work("index")
    assert (shown(house, place)["status"], shown(house, place)["receipt"]["calls"]) == ("failed", 5)
    assert "gone from the bucket 5 times" in shown(house, place)["error"]
    retry(house, place)
    house.work()
    assert (shown(house, place)["status"], shown(house, place)["receipt"]["calls"]) == ("ready", 6)


def test_a_loss_is_made_good_wherever_its_workers_are_killed(house: House, killer: Executioner, book: Place) -> None:
    put(house, book, "0", "1", "2")
    moments, moment, first = 1, -1, 0
    while moment < moments:
        first += 1
        words = [str(number) for number in range(first, first + 3)]
        house.drop(book.key, text(*words))
        house.work(*EARLIER)
        clients.blobs().delete(results(book))
        killer.begin([moment] if moment >= 0 else [])
        house.work("index")
        moments = moments if moment >= 0 else len(killer.passed)
        moment += 2
        killer.due = []
        house.work()
        document = shown(house, book)
        assert (document["status"], document["error"]) == ("ready", None), killer.passed
        assert document["chunks"] == {"total": 3, "embedded": 3, "reused": 0}, killer.passed
        assert searched(house, book) == set(words), killer.passed
    assert moments > 12
