"""What `benchmarks/retrieval.py` embeds and reranks with: the offline models, or those of real providers."""

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from local.models.embeddings import embed_text
from local.stack.places import Stop
from local.vectors.embedding import embed_passage, embed_query
from local.vectors.reranking import relevance

if TYPE_CHECKING:
    from openai import OpenAI
    from pinecone import Pinecone

Scores = NDArray[np.floating[Any]]
Kind = Literal["passage", "query"]

_DIMENSIONS = 1536
_DENSE, _SPARSE, _RANK = "text-embedding-3-small", "pinecone-sparse-english-v0", "bge-reranker-v2-m3"


class Embedder(Protocol):
    """Vectors of texts, dense as rows and sparse by term, and how relevant texts are to a query."""

    def dense(self, texts: Sequence[str]) -> Scores: ...

    def sparse(self, texts: Sequence[str], kind: Kind) -> list[Mapping[str, float]]: ...

    def relevance(self, query: str, texts: Sequence[str]) -> Sequence[float]: ...


class Offline:
    """The models of the local stack, in this process."""

    def dense(self, texts: Sequence[str]) -> Scores:
        return np.stack([embed_text(text, _DIMENSIONS) for text in texts])

    def sparse(self, texts: Sequence[str], kind: Kind) -> list[Mapping[str, float]]:
        embed = embed_passage if kind == "passage" else embed_query
        return [{term: weight for weight, term in embed(text).values()} for text in texts]

    def relevance(self, query: str, texts: Sequence[str]) -> Sequence[float]:
        return relevance(query, list(texts))


class Hosted:
    """The template's models, through the providers' clients and their environment. It costs money."""

    def __init__(self) -> None:
        missing = [name for name in ("OPENAI_API_KEY", "PINECONE_API_KEY") if not os.environ.get(name)]
        if missing:
            raise Stop(f"Real providers need {' and '.join(missing)} in the environment.")

    @cached_property
    def _openai(self) -> "OpenAI":
        from openai import OpenAI

        return OpenAI()

    @cached_property
    def _pinecone(self) -> "Pinecone":
        from pinecone import Pinecone

        return Pinecone()

    def dense(self, texts: Sequence[str]) -> Scores:
        rows: list[Any] = []
        for some in _batches(texts, 250):
            rows += self._openai.embeddings.create(model=_DENSE, input=some, dimensions=_DIMENSIONS).data
        return np.array([row.embedding for row in rows])

    def sparse(self, texts: Sequence[str], kind: Kind) -> list[Mapping[str, float]]:
        how = {"input_type": kind, "truncate": "END"}
        rows: list[Any] = []
        for some in _batches(texts, 96):
            rows += self._pinecone.inference.embed(model=_SPARSE, inputs=some, parameters=how).data
        return [dict(zip(map(str, row.sparse_indices), row.sparse_values, strict=True)) for row in rows]

    def relevance(self, query: str, texts: Sequence[str]) -> Sequence[float]:
        given: dict[str, Any] = {"documents": list(texts), "return_documents": False, "parameters": {"truncate": "END"}}
        ranked = self._pinecone.inference.rerank(model=_RANK, query=query, top_n=len(texts), **given).data
        scores = {row.index: row.score for row in ranked}
        return [scores[place] for place in range(len(texts))]


def _batches(texts: Sequence[str], size: int) -> Iterator[list[str]]:
    left = iter(texts)
    while some := list(islice(left, size)):
        yield some
