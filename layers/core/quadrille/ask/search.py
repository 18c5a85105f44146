"""Searching without answering: the chunks nearest to a query."""

from quadrille.ask.models import SearchRequest, SearchResponse
from quadrille.ask.retrieval import Retriever
from quadrille.calls import Payer


def search(request: SearchRequest, payer: Payer, *, retriever: Retriever) -> SearchResponse:
    """The chunks found, best first. Raises what `Ledger.pay` raises, and `Invalid`."""
    retrieved = retriever.find(
        request.query,
        payer,
        collection=request.collection,
        top_k=request.top_k,
        only=request.filter,
        mode=request.mode,
    )
    return SearchResponse(hits=[source.hit() for source in retrieved.found], receipt=retrieved.spent.public())
