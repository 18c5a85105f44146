"""The offline stand-in for Pinecone's rerankers: how much of the query a document covers, rare terms counting more.
Deterministic; scores are between 0 and 1."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from math import log

from local.vectors.terms import sentences, terms

# An answer mostly stands in one sentence, so the best sentence counts most; then the document as a whole, then
# pairs of neighbouring query terms that stay neighbours.
SENTENCE_SHARE = 0.55
DOCUMENT_SHARE = 0.30
PAIR_SHARE = 0.15


def relevance(query: str, documents: list[str]) -> list[float]:
    """A score for each document."""
    wanted = terms(query)
    split = [[terms(sentence) for sentence in sentences(document)] for document in documents]
    rarity = _rarity(wanted, split)
    return [round(_score(wanted, document, rarity), 8) for document in split]


def _rarity(wanted: list[str], documents: list[list[list[str]]]) -> dict[str, float]:
    """The inverse document frequency (BM25's) of each query term among the documents of the request."""
    frequency = Counter(term for document in documents for term in {term for part in document for term in part})
    count = len(documents)
    return {term: log(1 + (count - frequency[term] + 0.5) / (frequency[term] + 0.5)) for term in wanted}


def _score(wanted: list[str], document: list[list[str]], rarity: dict[str, float]) -> float:
    if not wanted:
        return 0.0
    flat = [term for sentence in document for term in sentence]
    best = max(_coverage(set(sentence), rarity) for sentence in document)
    whole = _coverage(set(flat), rarity)
    return SENTENCE_SHARE * best + DOCUMENT_SHARE * whole + PAIR_SHARE * _pairs(wanted, flat, whole)


def _coverage(found: set[str], rarity: dict[str, float]) -> float:
    return sum(weight for term, weight in rarity.items() if term in found) / sum(rarity.values())


def _pairs(wanted: list[str], found: list[str], single: float) -> float:
    """The share of the query's pairs in the document; a query of one term has none and takes its coverage."""
    pairs = set(pairwise(wanted))
    return len(pairs & set(pairwise(found))) / len(pairs) if pairs else single
