"""Finding the chunks of a tenant's collection that are nearest to a question."""

from dataclasses import dataclass
from itertools import islice

from quadrille.ask.models import Filter, Hit
from quadrille.calls import Payer
from quadrille.chunks import Chunk
from quadrille.documents import Documents
from quadrille.llm import Embeddings, Models
from quadrille.purposes import QUESTION
from quadrille.receipts import Receipt, added_to
from quadrille.vectors import Match, Vectors, floats


@dataclass(frozen=True, slots=True)
class Found:
    """A chunk that was found, of which document, and how near it is (cosine)."""

    chunk: Chunk
    chunk_id: str
    document_id: str
    filename: str
    score: float

    @classmethod
    def of(cls, match: Match) -> "Found":
        """A match of the vector store."""
        data = match.metadata
        return cls(Chunk.from_metadata(data), match.id, data["document_id"], data["filename"], match.score)

    @property
    def source(self) -> str:
        """The document version it is of."""
        return "/".join(self.chunk_id.split("#")[:2])

    def hit(self) -> Hit:
        """The same for the HTTP contract."""
        page = self.chunk.page
        return Hit(
            document_id=self.document_id,
            chunk_id=self.chunk_id,
            filename=self.filename,
            page=page.number if page else None,
            label=page.label or None if page else None,
            start=self.chunk.start,
            end=self.chunk.end,
            text=self.chunk.text,
            score=self.score,
        )


@dataclass(frozen=True, slots=True)
class Retriever:
    """Finds chunks by their meaning."""

    models: Models
    vectors: Vectors
    documents: Documents

    def embed(self, text: str, payer: Payer) -> Embeddings:
        """The vector of a text, which `find` takes if it is there already. Raises as `Ledger.pay`."""
        return self.models.embed([text], payer, purpose=QUESTION)

    def find(
        self,
        text: str,
        payer: Payer,
        *,
        collection: str,
        top_k: int,
        only: Filter,
        embedded: Embeddings | None = None,
    ) -> tuple[list[Found], Receipt]:
        """The `top_k` chunks nearest to `text`, nearest first, and what embedding it cost. Raises as `Ledger.pay`.

        Of a document only the live version counts. While another is being written or deleted the store holds both, so
        twice as many are asked for.
        """
        embedded = embedded or self.embed(text, payer)
        where = {"collection": {"$eq": collection}, **only.where()}
        with added_to(embedded.receipt):
            matches = self.vectors.query(payer.tenant, floats(embedded.packed), top_k=2 * top_k, where=where)
            live = self.documents.live(payer.tenant, (match.metadata["document_id"] for match in matches))
        current = (match for match in matches if match.metadata["version"] == live.get(match.metadata["document_id"]))
        return [Found.of(match) for match in islice(current, top_k)], embedded.receipt
