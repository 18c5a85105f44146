"""Searching without answering: the chunks nearest to a query."""

from quadrille.ask.models import SearchRequest, SearchResponse
from quadrille.ask.retrieval import retrieve
from quadrille.calls import Payer
from quadrille.documents import Documents
from quadrille.llm import Models
from quadrille.vectors import Vectors


def search(
    request: SearchRequest, payer: Payer, *, models: Models, vectors: Vectors, documents: Documents
) -> SearchResponse:
    """The nearest chunks, nearest first. Raises what `Ledger.pay` raises."""
    found, spent = retrieve(
        request.query,
        payer,
        collection=request.collection,
        top_k=request.top_k,
        only=request.filter,
        models=models,
        vectors=vectors,
        documents=documents,
    )
    return SearchResponse(hits=[source.hit() for source in found], receipt=spent.public())
