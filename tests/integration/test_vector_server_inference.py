"""Sparse embedding and reranking of the offline vector server, through the real Pinecone client.
The orders are those a reader would expect; the scores are between 0 and 1."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pinecone import Pinecone
from pinecone.errors import ApiError, NotFoundError

from local.vectors.process import serve

EMBEDDER = "pinecone-sparse-english-v0"
RERANKER = "bge-reranker-v2-m3"

PASSAGES = [
    "Employees may work remotely up to three days a week. The café in Zürich is open at noon.",
    "Error code E07 means that the battery is too cold to charge.",
    "The battery is under warranty for 36 months or 1,000 charge cycles.",
    "Expense reports are due within 30 days of the end of the trip.",
]
QUESTIONS = [
    ("How many days of remote work are allowed?", 0),
    ("where is the cafe in zurich", 0),
    ("What does error code E07 mean?", 1),
    ("How long is the battery under warranty?", 2),
    ("When is an expense report due?", 3),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pinecone]:
    with serve(tmp_path_factory.mktemp("vectors")) as server, Pinecone(api_key="local", host=server.url) as client:
        yield client


@pytest.mark.parametrize(("question", "expected"), QUESTIONS)
def test_the_passage_that_answers_has_the_best_sparse_score(client: Pinecone, question: str, expected: int) -> None:
    passages = client.inference.embed(EMBEDDER, PASSAGES, {"input_type": "passage"})
    (query,) = client.inference.embed(EMBEDDER, question, {"input_type": "query"})
    weights = dict(zip(query.sparse_indices, query.sparse_values, strict=True))
    scores = [
        sum(weights.get(term, 0) * value for term, value in zip(each.sparse_indices, each.sparse_values, strict=True))
        for each in passages
    ]
    assert scores.index(max(scores)) == expected


@pytest.mark.parametrize(("question", "expected"), QUESTIONS)
def test_the_passage_that_answers_is_ranked_first(client: Pinecone, question: str, expected: int) -> None:
    result = client.inference.rerank(RERANKER, question, PASSAGES)
    assert result.data[0].index == expected
    assert result.data[0].document == {"text": PASSAGES[expected]}
    assert all(0 <= ranked.score <= 1 for ranked in result.data)
    assert result.data[0].score > 2 * result.data[1].score


def test_embedding_is_deterministic_and_reports_usage(client: Pinecone) -> None:
    once, again = (client.inference.embed(EMBEDDER, ["one two", "three"], {"input_type": "query"}) for _ in range(2))
    assert once.to_dict() == again.to_dict()
    assert (once.model, once.vector_type, once.usage.total_tokens) == (EMBEDDER, "sparse", 3)


def test_embedding_names_its_terms_when_asked(client: Pinecone) -> None:
    parameters = {"input_type": "passage", "return_tokens": True}
    (embedding,) = client.inference.embed(EMBEDDER, "The charged batteries", parameters)
    assert embedding.sparse_tokens == ["charg", "battery"]
    assert len(embedding.sparse_indices) == len(embedding.sparse_values) == 2


def test_reranking_reads_the_named_fields_and_keeps_the_best(client: Pinecone) -> None:
    documents = [{"title": text, "text": "nothing"} for text in PASSAGES]
    result = client.inference.rerank(
        RERANKER, "battery warranty", documents, rank_fields=["title"], top_n=2, return_documents=False
    )
    assert [ranked.index for ranked in result.data] == [2, 1]
    assert result.data[0].document is None
    assert result.usage.rerank_units == 1


def test_a_document_that_shares_nothing_scores_zero(client: Pinecone) -> None:
    result = client.inference.rerank(RERANKER, "chess tournament", PASSAGES)
    assert {ranked.score for ranked in result.data} == {0.0}


def test_models_are_listed_and_others_are_not_found(client: Pinecone) -> None:
    assert RERANKER in client.inference.list_models(type="rerank").names()
    assert client.inference.get_model(model=EMBEDDER).vector_type == "sparse"
    with pytest.raises(NotFoundError, match="text-embedding-9"):
        client.inference.embed("text-embedding-9", "a", {"input_type": "query"})


def test_embedding_needs_an_input_type(client: Pinecone) -> None:
    with pytest.raises(ApiError, match="input_type"):
        client.inference.embed(EMBEDDER, "a")
