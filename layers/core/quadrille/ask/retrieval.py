"""Finding the chunks of a tenant's collection for a question: by meaning and by words, fused and ranked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from quadrille.ask.legs import Leg, Ranking, at_once, if_up
from quadrille.ask.models import Filter, Hit, Mode
from quadrille.calls import Payer
from quadrille.chunks import Chunk
from quadrille.documents import Documents
from quadrille.errors import Invalid
from quadrille.inference import Inference
from quadrille.llm import Embeddings, Models
from quadrille.purposes import QUESTION, RANKING
from quadrille.receipts import Receipt, added_to
from quadrille.vectors import Match, Vectors, floats


@dataclass(frozen=True, slots=True)
class Found:
    """A chunk that was found, of which document, and how well it fits: more is better."""

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
class Retrieved:
    """Chunks, best first, and what they cost; not `whole` if a hosted model that was down had no part in it."""

    found: list[Found]
    spent: Receipt
    whole: bool


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Of whose vectors how many are wanted, under which filter."""

    tenant: str
    where: Mapping[str, Any]
    top_k: int


@dataclass(frozen=True, slots=True)
class Retriever:
    """Finds chunks by their meaning, by their words, or by both; then a reranker sorts the best `candidates`.

    Without a sparse model nothing is found by words alone, and without a reranker what is found stays as it is. If one
    of them cannot be had at the moment, `hybrid` goes without.
    """

    models: Models
    inference: Inference
    vectors: Vectors
    documents: Documents
    candidates: int

    @property
    def manner(self) -> list[Any]:
        """What is found depends on, besides what is asked."""
        hosted = self.inference
        words, ranks = hosted.embeds and hosted.sparse_model, hosted.ranks and hosted.rerank_model
        return [self.models.embedding_model, self.models.dimensions, words, ranks, self.candidates]

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
        mode: Mode = "hybrid",
        embedded: Embeddings | None = None,
    ) -> Retrieved:
        """The `top_k` best chunks for `text`. Raises as `Ledger.pay`, and `Invalid`.

        Of a document only the live version counts. While another is being written or deleted the store holds both, so
        twice as many are asked for.
        """
        ranks = mode == "hybrid" and self.inference.ranks
        where = {"collection": {"$eq": collection}, **only.where()}
        wanted = _Wanted(payer.tenant, where, max(2 * top_k, self.candidates if ranks else 0))
        legs = self._legs(text, mode, wanted, embedded)
        ranking = at_once(legs, payer)
        with added_to(ranking.spent):
            matches, whole = self._live(payer.tenant, ranking.matches), ranking.whole
            if not ranks or len(matches) < 2:
                return Retrieved([Found.of(match) for match in matches[:top_k]], ranking.spent, whole)
            best = matches[: max(top_k, self.candidates)]
            rank = if_up(lambda payer: self._ranked(text, best, payer, top_k), best[:top_k])
            ranked = rank(payer.after(ranking.spent))
        found = [Found.of(match) for match in ranked.matches]
        return Retrieved(found, ranking.spent + ranked.spent, whole and ranked.whole)

    def _legs(self, text: str, mode: Mode, wanted: _Wanted, embedded: Embeddings | None) -> list[Leg]:
        """The searches of a mode. Raises `Invalid` for one that cannot be had."""
        if mode == "lexical" and not self.inference.embeds:
            raise Invalid("mode", "'lexical' needs a sparse model, and none with a price is configured here")
        legs: list[Leg] = []
        if mode != "lexical":
            legs.append(lambda payer: self._by_meaning(text, payer, wanted, embedded))
        if mode != "dense" and self.inference.embeds:
            by_words: Leg = lambda payer: self._by_words(text, payer, wanted)  # noqa: E731
            legs.append(if_up(by_words, []) if mode == "hybrid" else by_words)
        return legs

    def _by_meaning(self, text: str, payer: Payer, wanted: _Wanted, embedded: Embeddings | None) -> Ranking:
        embedded = embedded or self.embed(text, payer)
        with added_to(embedded.receipt):
            vector = floats(embedded.packed)
            found = self.vectors.query(wanted.tenant, vector, top_k=wanted.top_k, where=wanted.where)
        return Ranking(found, embedded.receipt)

    def _by_words(self, text: str, payer: Payer, wanted: _Wanted) -> Ranking:
        embedded = self.inference.embed([text], payer, purpose=QUESTION, kind="query")
        [vector] = embedded.vectors
        with added_to(embedded.receipt):
            found = self.vectors.query_sparse(
                wanted.tenant, vector, dimensions=self.models.dimensions, top_k=wanted.top_k, where=wanted.where
            )
        return Ranking(found, embedded.receipt)

    def _live(self, tenant: str, matches: Sequence[Match]) -> list[Match]:
        live = self.documents.live(tenant, (match.metadata["document_id"] for match in matches))
        return [match for match in matches if match.metadata["version"] == live.get(match.metadata["document_id"])]

    def _ranked(self, text: str, matches: Sequence[Match], payer: Payer, top_k: int) -> Ranking:
        texts = [Chunk.from_metadata(match.metadata).embedded for match in matches]
        ranking = self.inference.rerank(text, texts, payer, purpose=RANKING, top_n=min(top_k, len(texts)))
        return Ranking([replace(matches[place], score=score) for place, score in ranking.scores], ranking.receipt)
