"""The offline stand-in for Pinecone's rerankers: BM25 over the documents of the request, and pairs of neighbouring
query terms that stay neighbours. What a term counts is mostly what the word tells, and a little how rare it is among
the documents: they were all found for the query, so most have its terms. Deterministic; scores are between 0 and 1."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from math import log

from local.vectors.embedding import K1, B
from local.vectors.terms import terms, weights

RARITY = 0.3  # an exponent on the inverse document frequency among the documents
PAIR_SHARE = 0.2  # of the weight of its two terms


def relevance(query: str, documents: list[str]) -> list[float]:
    """A score for each document."""
    wanted = terms(query)
    split = [[name for name, _ in terms(document)] for document in documents]
    told = _told(weights(wanted), split)
    pairs = {pair: PAIR_SHARE * (told[pair[0]] + told[pair[1]]) for pair in pairwise(name for name, _ in wanted)}
    average = sum(map(len, split)) / len(split) or 1.0
    best = (sum(told.values()) * (K1 + 1) + sum(pairs.values())) or 1.0
    return [round((_terms(told, found, average) + _pairs(pairs, found)) / best, 8) for found in split]


def _told(weights: dict[str, float], documents: list[list[str]]) -> dict[str, float]:
    """The weight of each query term, with BM25's inverse document frequency among the documents of the request."""
    frequency = Counter(term for document in documents for term in set(document))
    count = len(documents)
    return {
        term: weight * log(1 + (count - frequency[term] + 0.5) / (frequency[term] + 0.5)) ** RARITY
        for term, weight in weights.items()
    }


def _terms(told: dict[str, float], found: list[str], average: float) -> float:
    counts, norm = Counter(found), K1 * (1 - B + B * len(found) / average)
    return sum(weight * counts[term] * (K1 + 1) / (counts[term] + norm) for term, weight in told.items())


def _pairs(pairs: dict[tuple[str, str], float], found: list[str]) -> float:
    there = set(pairwise(found))
    return sum(weight for pair, weight in pairs.items() if pair in there)
