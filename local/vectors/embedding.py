"""The offline stand-in for Pinecone's sparse embedding models: hashed terms, in a passage with BM25's term-frequency
weights, in a query with what each word tells. Deterministic, and without the statistics of a corpus."""

from __future__ import annotations

from collections import Counter
from zlib import crc32

from local.vectors.terms import terms, weights

# BM25 with the usual constants (Robertson and Zaragoza, 2009); passages are about this many terms long.
K1 = 1.2
B = 0.75
AVERAGE_TERMS = 150


def embed_passage(text: str) -> dict[int, tuple[float, str]]:
    """Weight and term by hash: the saturating term frequency, between 0 and 1."""
    found = [name for name, _ in terms(text)]
    norm = K1 * (1 - B + B * len(found) / AVERAGE_TERMS)
    return _hashed({term: count / (count + norm) for term, count in Counter(found).items()})


def embed_query(text: str) -> dict[int, tuple[float, str]]:
    """Weight and term by hash. The weights sum to 1, so the dot product with a passage is the share of the
    query that the passage covers, on the scale of a cosine."""
    told = weights(terms(text))
    total = sum(told.values())
    return _hashed({term: weight / total for term, weight in told.items()})


def _hashed(weights: dict[str, float]) -> dict[int, tuple[float, str]]:
    """CRC-32 as the term's index: stable across processes and versions. Of two terms that collide the last one
    stays."""
    return {crc32(term.encode()): (round(weight, 6), term) for term, weight in weights.items()}
