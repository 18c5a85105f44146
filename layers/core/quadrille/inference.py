"""Pinecone's hosted models: sparse embeddings and reranking, each through the ledger. The client's retries are off."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from quadrille.calls import Payer, Reply
from quadrille.errors import AmbiguousCall, ProviderRefused
from quadrille.gate import Gate
from quadrille.ledger import Ledger
from quadrille.prices import Prices, Usage
from quadrille.purposes import Purpose
from quadrille.receipts import Receipt
from quadrille.sending import Refusal, Sender, judge_status
from quadrille.sparse import Sparse, parsed
from quadrille.tokens import estimated

if TYPE_CHECKING:
    from pinecone import Pinecone

_PROVIDER = "the vector store's inference"
_CUT = {"parameters": {"truncate": "END"}}  # a chunk that is too long, instead of the request; Cohere's cuts anyway


@dataclass(frozen=True, slots=True)
class SparseEmbeddings:
    """Sparse vectors in the order of the texts; `blob` is their key in the bucket."""

    vectors: Sequence[Sparse]
    blob: str
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Ranking:
    """Pairs of a text's place in the request and its relevance to the query (0 to 1), most relevant first."""

    scores: Sequence[tuple[int, float]]
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Inference:
    """The sparse model and the reranker. `client` is called only when something must really be sent.

    A model without a name or a price is not there: `embeds` and `ranks` say so before anybody asks it.
    """

    client: "Callable[[], Pinecone]"
    ledger: Ledger
    gate: Gate
    prices: Prices
    sparse_model: str
    rerank_model: str
    now: Callable[[], float] = field(default=time.time)
    sleep: Callable[[float], None] = field(default=time.sleep)

    @property
    def embeds(self) -> bool:
        """Whether there is a sparse model."""
        return self.prices.knows(self.sparse_model)

    @property
    def ranks(self) -> bool:
        """Whether there is a reranker."""
        return self.prices.knows(self.rerank_model)

    def embed(
        self, texts: Sequence[str], payer: Payer, *, purpose: Purpose, kind: Literal["query", "passage"]
    ) -> SparseEmbeddings:
        """Sparse vectors of up to 96 texts in one request. Raises what `Ledger.pay` raises, and `UnknownPrice`."""
        request = {"model": self.sparse_model, "inputs": list(texts), "parameters": {"input_type": kind}}
        ceiling = self.prices.ceiling(self.sparse_model, request_bytes=_size(request["inputs"]))
        call = payer.call(request, purpose=purpose, ceiling=ceiling, as_blob=kind == "passage")
        paid = self.ledger.pay(call, lambda: self._embed(request, payer.deadline))
        return SparseEmbeddings(parsed(paid.result), paid.blob, paid.receipt)

    def rerank(self, query: str, texts: Sequence[str], payer: Payer, *, purpose: Purpose, top_n: int) -> Ranking:
        """The `top_n` texts most relevant to a query, of up to 100, in one request. Raises as `embed`."""
        request = {
            "model": self.rerank_model,
            "query": query,
            "documents": list(texts),
            "top_n": top_n,
            "return_documents": False,
            **({} if self.rerank_model.startswith("cohere") else _CUT),
        }
        call = payer.call(request, purpose=purpose, ceiling=self.prices.request(self.rerank_model))
        paid = self.ledger.pay(call, lambda: self._rerank(request, payer.deadline))
        return Ranking([(index, score) for index, score in json.loads(paid.result)], paid.receipt)

    def _embed(self, request: dict[str, Any], deadline: float) -> Reply:
        answer, retries = self._send(lambda client: client.inference.embed(**request), request, "inputs", deadline)
        rows = [{"indices": row.sparse_indices, "values": row.sparse_values} for row in answer.data]
        if len(rows) != len(request["inputs"]):
            raise AmbiguousCall(f"{_PROVIDER.capitalize()} answered another number of embeddings than were asked for.")
        tokens = answer.usage.total_tokens
        cost = self.prices.cost(request["model"], Usage(tokens))
        receipt = Receipt(cost, calls=1, retries=retries, embedding_tokens=tokens, models=(request["model"],))
        return Reply(json.dumps(rows).encode(), receipt)

    def _rerank(self, request: dict[str, Any], deadline: float) -> Reply:
        answer, retries = self._send(lambda client: client.inference.rerank(**request), request, "documents", deadline)
        scores = [(row.index, row.score) for row in answer.data]
        cost = self.prices.request(request["model"])
        receipt = Receipt(cost, calls=1, retries=retries, models=(request["model"],))
        return Reply(json.dumps(scores).encode(), receipt)

    def _send(
        self, ask: "Callable[[Pinecone], Any]", request: dict[str, Any], texts: str, deadline: float
    ) -> tuple[Any, int]:
        """The answer and how many retries it took. Raises what `Ledger.pay` expects of a sender."""
        from pinecone import errors

        client = self.client()
        down = (errors.ServiceError, errors.PineconeTimeoutError, errors.PineconeConnectionError)
        sender = Sender(_PROVIDER, self.gate, errors.PineconeError, down, _judge, self.now, self.sleep)
        tokens = sum(map(estimated, request[texts]))
        return sender.send(lambda _: ask(client), model=request["model"], tokens=tokens, deadline=deadline)


def _judge(error: Exception) -> Refusal:
    """What an error of the pinecone client comes to: unbilled, perhaps billed, or refused for good."""
    import httpx
    from pinecone import errors

    match error:
        case errors.RateLimitError(status_code=status, retry_after=seconds):
            return Refusal(status, None if seconds is None else str(seconds))
        case errors.ApiError(status_code=status, message=words):
            return judge_status(status, words, provider=_PROVIDER, retry_after=None, exhausted=False)
        case errors.PineconeConnectionError(__cause__=httpx.ConnectError()):
            return Refusal(0)
        case errors.PineconeTimeoutError() | errors.PineconeConnectionError() | errors.ResponseParsingError():
            raise AmbiguousCall(f"No reply came from {_PROVIDER}; the call may have been billed.") from error
    raise ProviderRefused(f"The request to {_PROVIDER} cannot be made: {error}") from error


def _size(body: object) -> int:
    """Bytes of a request's text, which bound its tokens."""
    return len(json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass"))
