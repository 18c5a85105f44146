"""The offline vector server, driven over the wire by the real Pinecone client.
Each test has a namespace of its own in one shared 4-dimensional index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pinecone import Pinecone
from pinecone.errors import ApiError, ConflictError, NotFoundError, PayloadTooLargeError, UnauthorizedError
from pinecone.index import Index

from local.vectors.process import serve

X, Y, Z = [1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]
XY = [1.0, 1.0, 0.0, 0.0]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve(tmp_path_factory.mktemp("vectors")) as server:
        yield server.url


@pytest.fixture(scope="module")
def index(url: str) -> Iterator[Index]:
    with Pinecone(api_key="local") as client, client.index(host=url) as index:
        yield index


@pytest.fixture
def ns(request: pytest.FixtureRequest) -> str:
    return str(request.node.name)[:100]


@pytest.fixture
def films(index: Index, ns: str) -> str:
    """Three records with dense and sparse values; film-3 has no sparse ones and no year."""
    index.upsert(
        namespace=ns,
        vectors=[
            {"id": "film-1", "values": X, "sparse_values": {"indices": [7], "values": [0.5]},
             "metadata": {"genre": ["drama", "war"], "year": 2019, "seen": True}},
            {"id": "film-2", "values": XY, "sparse_values": {"indices": [7, 9], "values": [0.1, 0.9]},
             "metadata": {"genre": ["comedy"], "year": 2021, "seen": False}},
            {"id": "film-3", "values": Y, "metadata": {"genre": "drama"}},
        ],
    )  # fmt: skip
    return ns


def found(response: Any) -> list[str]:
    return [match.id for match in response.matches]


def test_a_dense_query_ranks_by_cosine(index: Index, films: str) -> None:
    response = index.query(vector=[2.0, 0.0, 0.0, 0.0], top_k=10, namespace=films)
    assert found(response) == ["film-1", "film-2", "film-3"]
    assert [match.score for match in response.matches] == pytest.approx([1, 0.5**0.5, 0], abs=1e-6)
    assert response.namespace == films
    assert response.usage.read_units >= 1
    assert response.matches[0].values == []
    assert response.matches[0].metadata is None


def test_a_query_includes_values_and_metadata_when_asked(index: Index, films: str) -> None:
    response = index.query(vector=X, top_k=1, namespace=films, include_values=True, include_metadata=True)
    (match,) = response.matches
    assert match.values == X
    assert match.sparse_values.indices == [7]
    assert match.metadata == {"genre": ["drama", "war"], "year": 2019.0, "seen": True}


def test_a_sparse_query_finds_what_shares_a_term(index: Index, films: str) -> None:
    response = index.query(sparse_vector={"indices": [9, 7], "values": [1.0, 2.0]}, top_k=10, namespace=films)
    assert [(match.id, pytest.approx(match.score)) for match in response.matches] == [("film-2", 1.1), ("film-1", 1.0)]


def test_a_hybrid_query_adds_both_scores(index: Index, films: str) -> None:
    response = index.query(vector=Y, sparse_vector={"indices": [7], "values": [4.0]}, top_k=2, namespace=films)
    scores = {match.id: match.score for match in response.matches}
    assert scores == {"film-1": pytest.approx(2.0), "film-2": pytest.approx(0.5**0.5 + 0.4)}


def test_a_query_by_id_uses_the_stored_vector(index: Index, films: str) -> None:
    assert found(index.query(id="film-3", top_k=2, namespace=films)) == ["film-3", "film-2"]
    assert found(index.query(id="missing", top_k=2, namespace=films)) == []


def test_an_unknown_namespace_is_empty_to_readers(index: Index, ns: str) -> None:
    assert found(index.query(vector=X, top_k=3, namespace=ns)) == []
    assert index.fetch(ids=["a"], namespace=ns).vectors == {}
    assert list(index.list(namespace=ns)) == []
    assert ns not in index.describe_index_stats().namespaces


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"genre": "drama"}, {"film-1", "film-3"}),
        ({"genre": {"$eq": "war"}}, {"film-1"}),
        ({"genre": {"$ne": "drama"}}, {"film-2"}),
        ({"genre": {"$in": ["comedy", "war"]}}, {"film-1", "film-2"}),
        ({"genre": {"$nin": ["comedy", "war"]}}, {"film-3"}),
        ({"year": {"$gt": 2019}}, {"film-2"}),
        ({"year": {"$gte": 2019, "$lt": 2021}}, {"film-1"}),
        ({"year": {"$lte": 2021}}, {"film-1", "film-2"}),
        ({"year": {"$ne": 2019}}, {"film-2", "film-3"}),
        ({"year": {"$exists": False}}, {"film-3"}),
        ({"seen": True}, {"film-1"}),
        ({"seen": 1}, set()),
        ({"genre": "drama", "year": {"$exists": True}}, {"film-1"}),
        ({"$or": [{"year": 2021}, {"$and": [{"genre": "drama"}, {"seen": True}]}]}, {"film-1", "film-2"}),
        ({}, {"film-1", "film-2", "film-3"}),
    ],
)
def test_filters(index: Index, films: str, condition: dict[str, Any], expected: set[str]) -> None:
    assert set(found(index.query(vector=X, top_k=10, namespace=films, filter=condition))) == expected


def test_a_filter_used_before_sees_later_writes(index: Index, films: str) -> None:
    drama = {"genre": "drama"}
    index.query(vector=X, top_k=10, namespace=films, filter=drama)
    index.delete(ids=["film-1"], namespace=films)
    index.upsert(vectors=[("film-4", Z, drama), ("film-5", Z, {"genre": "war"})], namespace=films)
    index.update(id="film-3", set_metadata={"genre": "war"}, namespace=films)
    assert found(index.query(vector=X, top_k=10, namespace=films, filter=drama)) == ["film-4"]


@pytest.mark.parametrize(
    "condition", [{"$not": {"a": 1}}, {"a": {"$like": "b"}}, {"a": {"$gt": "b"}}, {"$and": []}, {"a": {"$in": 1}}]
)
def test_a_malformed_filter_is_refused(index: Index, ns: str, condition: dict[str, Any]) -> None:
    with pytest.raises(ApiError, match="Invalid filter") as caught:
        index.query(vector=X, top_k=1, namespace=ns, filter=condition)
    assert caught.value.status_code == 400


def test_fetch_gives_back_what_was_stored(index: Index, films: str) -> None:
    response = index.fetch(ids=["film-2", "missing"], namespace=films)
    vector = response.vectors["film-2"]
    assert list(response.vectors) == ["film-2"]
    assert vector.values == XY
    assert (vector.sparse_values.indices, vector.sparse_values.values) == ([7, 9], pytest.approx([0.1, 0.9]))
    assert vector.metadata["genre"] == ["comedy"]
    assert response.usage.read_units == 1


def test_fetch_takes_many_long_ids(index: Index, ns: str) -> None:
    ids = [f"{number:0500}" for number in range(100)]
    index.upsert(vectors=[(record_id, X) for record_id in ids], namespace=ns)
    assert set(index.fetch(ids=ids, namespace=ns).vectors) == set(ids)


def test_fetch_by_metadata_pages_through_the_matches(index: Index, ns: str) -> None:
    index.upsert(vectors=[(f"{n:02}", X, {"even": n % 2 == 0}) for n in range(20)], namespace=ns)
    first = index.fetch_by_metadata(filter={"even": True}, limit=6, namespace=ns)
    token = first.pagination.next
    second = index.fetch_by_metadata(filter={"even": True}, limit=6, namespace=ns, pagination_token=token)
    assert [*first.vectors, *second.vectors] == [f"{n:02}" for n in range(0, 20, 2)]
    assert second.pagination is None


def test_list_pages_through_a_prefix(index: Index, ns: str) -> None:
    index.upsert(vectors=[(f"{letter}#{n:03}", X) for letter in "abc" for n in range(120)], namespace=ns)
    pages = list(index.list(prefix="b#", limit=50, namespace=ns))
    assert [len(page.vectors) for page in pages] == [50, 50, 20]
    assert [item.id for page in pages for item in page.vectors] == [f"b#{n:03}" for n in range(120)]
    assert len(index.list_paginated(namespace=ns).vectors) == 100


def test_upsert_replaces_a_record_of_the_same_id(index: Index, films: str) -> None:
    index.upsert(vectors=[("film-1", Z, {"genre": "noir"})], namespace=films)
    vector = index.fetch(ids=["film-1"], namespace=films).vectors["film-1"]
    assert (vector.values, vector.sparse_values, vector.metadata) == (Z, None, {"genre": "noir"})
    assert found(index.query(sparse_vector={"indices": [7], "values": [1.0]}, top_k=9, namespace=films)) == ["film-2"]


def test_update_changes_only_what_it_names(index: Index, films: str) -> None:
    index.update(id="film-2", set_metadata={"year": 2022, "new": "yes"}, namespace=films)
    index.update(id="film-2", values=Z, sparse_values={"indices": [1], "values": [1.0]}, namespace=films)
    vector = index.fetch(ids=["film-2"], namespace=films).vectors["film-2"]
    assert (vector.values, vector.sparse_values.indices) == (Z, [1])
    assert vector.metadata == {"genre": ["comedy"], "year": 2022.0, "seen": False, "new": "yes"}
    index.update(id="missing", values=Z, namespace=films)
    assert index.fetch(ids=["missing"], namespace=films).vectors == {}


def test_update_by_filter_counts_and_can_run_dry(index: Index, films: str) -> None:
    drama = {"genre": "drama"}
    dry = index.update(filter=drama, set_metadata={"seen": False}, namespace=films, dry_run=True)
    assert (dry.matched_records, index.fetch(ids=["film-1"], namespace=films).vectors["film-1"].metadata["seen"]) == (
        2,
        True,
    )
    assert index.update(filter=drama, set_metadata={"seen": False}, namespace=films).matched_records == 2
    assert len(index.fetch_by_metadata(filter={"seen": False}, namespace=films).vectors) == 3


def test_delete_by_ids_filter_and_all(index: Index, films: str) -> None:
    index.delete(ids=["film-3", "missing"], namespace=films)
    assert found(index.query(vector=X, top_k=9, namespace=films)) == ["film-1", "film-2"]
    index.delete(filter={"year": {"$lt": 2020}}, namespace=films)
    assert found(index.query(vector=X, top_k=9, namespace=films)) == ["film-2"]
    index.delete(delete_all=True, namespace=films)
    assert index.describe_namespace(name=films).record_count == 0


def test_deleting_from_an_unknown_namespace_is_not_found(index: Index, ns: str) -> None:
    with pytest.raises(NotFoundError, match="Namespace not found"):
        index.delete(ids=["a"], namespace=ns)


def test_stats_count_records_by_namespace(index: Index, films: str) -> None:
    index.upsert(vectors=[("a", X)])
    stats = index.describe_index_stats()
    assert stats.namespaces[films].vector_count == 3
    assert stats.namespaces["__default__"].vector_count == 1
    assert (stats.dimension, stats.metric, stats.vector_type) == (4, "cosine", "dense")
    assert stats.total_vector_count == sum(space.vector_count for space in stats.namespaces.values())
    assert index.describe_index_stats(filter={"genre": "war"}).namespaces[films].vector_count == 1


def test_namespaces_are_created_listed_described_and_deleted(index: Index, ns: str) -> None:
    for number in range(3):
        index.create_namespace(name=f"{ns}/{number}", schema={"fields": {"genre": {"filterable": True}}})
    with pytest.raises(ConflictError):
        index.create_namespace(name=f"{ns}/0")
    index.upsert(vectors=[("a", X)], namespace=f"{ns}/1")
    pages = list(index.list_namespaces(prefix=f"{ns}/", limit=2))
    listed = {space.name: space.record_count for page in pages for space in page.namespaces}
    assert (len(pages), pages[0].total_count) == (2, 3)
    assert listed == {f"{ns}/0": 0, f"{ns}/1": 1, f"{ns}/2": 0}
    assert index.describe_namespace(name=f"{ns}/0").schema.fields["genre"].filterable
    index.delete_namespace(name=f"{ns}/1")
    with pytest.raises(NotFoundError):
        index.describe_namespace(name=f"{ns}/1")
    assert index.describe_namespace(name="__default__").name == "__default__"


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        (("a", [1.0, 2.0]), "Vector dimension 2 does not match the dimension of the index 4"),
        (("a", [0.0] * 4), "at least one non-zero value"),
        (("a" * 513, X), "1-512 characters"),
        (("a", X, {"text": "x" * 41_000}), "exceeds the limit of 40960 bytes"),
        ({"id": "a", "sparse_values": {"indices": [1], "values": [1.0]}}, "Vector dimension 0 does not match"),
        ({"id": "a", "values": X, "sparse_values": {"indices": [1, 1], "values": [1.0, 2.0]}}, "unique"),
    ],
)
def test_a_record_the_service_refuses_is_refused(index: Index, films: str, vector: Any, message: str) -> None:
    with pytest.raises(ApiError, match=message) as caught:
        index.upsert(vectors=[("good", X), vector], namespace=films)
    assert (caught.value.status_code, caught.value.body["code"], caught.value.body["details"]) == (400, 3, [])
    assert index.fetch(ids=["good"], namespace=films).vectors == {}


def test_an_upsert_is_limited_in_records_and_bytes(index: Index, ns: str) -> None:
    with pytest.raises(ApiError, match="the limit is 1000"):
        index.upsert(vectors=[(str(number), X) for number in range(1001)], namespace=ns)
    with pytest.raises(PayloadTooLargeError):
        index.upsert(vectors=[(str(number), X, {"text": "x" * 40_000}) for number in range(53)], namespace=ns)
    assert index.upsert(vectors=[(str(n), X) for n in range(1000)], namespace=ns).upserted_count == 1000
    assert len(index.query(vector=X, top_k=10_000, namespace=ns).matches) == 1000


def test_a_query_of_another_dimension_is_refused(index: Index, films: str) -> None:
    with pytest.raises(ApiError, match="Vector dimension 3 does not match the dimension of the index 4"):
        index.query(vector=[1.0, 2.0, 3.0], top_k=1, namespace=films)


def test_a_refused_key_is_unauthorized(url: str) -> None:
    with Pinecone(api_key="invalid") as client, client.index(host=url) as index, pytest.raises(UnauthorizedError):
        index.describe_index_stats()
