"""What ingesting will cost, before anything is paid: computed from tokens, with the prices calls are paid at."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from quadrille.chunks import Chunk
from quadrille.collections import Collections, Size
from quadrille.documents import Documents
from quadrille.errors import Invalid
from quadrille.ingest.join import FAN_IN, levels
from quadrille.money import dollars
from quadrille.prices import Prices, Usage
from quadrille.tokens import estimated

if TYPE_CHECKING:
    from quadrille.ingest.models import EstimateRequest

_PAGE = 600  # tokens; the mean of a page of text
_PROMPT = 150  # tokens around each part to summarize


@dataclass(frozen=True, slots=True)
class Estimate:
    """Tokens of the text, its chunks, the calls they take, and US dollars."""

    tokens: int
    chunks: int
    embedding_calls: int
    summary_calls: int
    cost_usd: Decimal
    ocr_calls: int = 0

    def public(self) -> dict[str, Any]:
        """As the HTTP contract shows it and the document's row keeps it."""
        return {
            "tokens": self.tokens,
            "chunks": self.chunks,
            "calls": {"embedding": self.embedding_calls, "summary": self.summary_calls, "ocr": self.ocr_calls},
            "cost_usd": dollars(self.cost_usd),
        }


@dataclass(frozen=True, slots=True)
class Estimator:
    """The models, their prices and the sizes that make a price: `batch` in chunks, the rest in tokens.

    `ocr_model` is empty if OCR costs nothing, `sparse_model` if there are no sparse vectors.
    """

    prices: Prices
    embedding_model: str
    chat_model: str
    batch: int
    summary_over: int
    summary_limit: int
    ocr_model: str = ""
    sparse_model: str = ""

    def of_text(self, tokens: int, size: Size) -> Estimate:
        """For a text of so many tokens. Raises `UnknownPrice`."""
        chunks = max(1, -(-tokens // (size.tokens - size.overlap)))
        return self._estimate(tokens, chunks, embedded=tokens + (chunks - 1) * size.overlap)

    def of_scan(self, text: str, pages: int, size: Size) -> Estimate:
        """For a text and so many pages whose text OCR has yet to find. Raises `UnknownPrice`."""
        estimate = self.of_text(estimated(text) + pages * _PAGE, size)
        cost = estimate.cost_usd + pages * self.prices.request(self.ocr_model)
        return replace(estimate, cost_usd=cost, ocr_calls=pages)

    def of_chunks(self, text: str, fresh: Sequence[Chunk]) -> Estimate:
        """For a text of which these chunks have to be embedded. Raises `UnknownPrice`."""
        return self._estimate(estimated(text), len(fresh), embedded=sum(estimated(piece.embedded) for piece in fresh))

    def _estimate(self, tokens: int, chunks: int, *, embedded: int) -> Estimate:
        parts = levels(-(-tokens // self.summary_over) if tokens > self.summary_over else 0)
        reread = min(FAN_IN * self.summary_limit, self.summary_over) * sum(parts[1:])
        embedders = [*filter(None, (self.embedding_model, self.sparse_model))]
        cost = sum((self.prices.cost(model, Usage(embedded)) for model in embedders), Decimal(0))
        if parts:
            read = tokens + reread + _PROMPT * sum(parts)
            cost += self.prices.cost(self.chat_model, Usage(read, self.summary_limit * sum(parts)))
        return Estimate(tokens, chunks, -(-chunks // self.batch) * len(embedders), sum(parts), cost)


def predict(
    request: "EstimateRequest", *, tenant: str, documents: Documents, collections: Collections, estimator: Estimator
) -> dict[str, Any]:
    """What ingesting so many pages or tokens, or all of a document that was read, costs.

    Raises `NotFound`, `Invalid` and `UnknownPrice`.
    """
    tokens, collection = request.tokens or (request.pages or 0) * _PAGE, request.collection
    if request.document_id:
        row = documents.get(tenant, request.document_id)
        if row["estimate"]:
            return dict(row["estimate"])
        if not row["tokens"]:
            raise Invalid("document_id", "has not been read yet; ask by pages or tokens, or when it is past `chunking`")
        tokens, collection = int(row["tokens"]), row["collection"]
    return estimator.of_text(tokens, collections.size(tenant, collection)).public()
