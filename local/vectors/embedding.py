"""The offline stand-in for Pinecone's sparse embedding models: hashed terms with BM25's term-frequency weights.
Deterministic, and without a corpus, so without inverse document frequencies."""

from __future__ import annotations

from collections import Counter
from zlib import crc32

from local.vectors.terms import terms

# BM25 with the usual constants (Robertson and Zaragoza, 2009); passages are about this many terms long.
K1 = 1.2
B = 0.75
AVERAGE_TERMS = 150

# A model number or an error code says more about a passage than a word does.
DIGIT_WEIGHT = 2.0


def embed_passage(text: str) -> dict[int, tuple[float, str]]:
    """Weight and term by hash: the saturating term frequency, between 0 and 1."""
    found = terms(text)
    norm = K1 * (1 - B + B * len(found) / AVERAGE_TERMS)
    return _hashed({term: count / (count + norm) for term, count in Counter(found).items()})


def embed_query(text: str) -> dict[int, tuple[float, str]]:
    """Weight and term by hash. The weights sum to 1, so the dot product with a passage is the share of the
    query that the passage covers, on the scale of a cosine."""
    weights = {term: DIGIT_WEIGHT if any(map(str.isdigit, term)) else 1.0 for term in terms(text)}
    total = sum(weights.values())
    return _hashed({term: weight / total for term, weight in weights.items()})


def _hashed(weights: dict[str, float]) -> dict[int, tuple[float, str]]:
    """CRC-32 as the term's index: stable across processes and versions. Of two terms that collide the last one
    stays."""
    return {crc32(term.encode()): (round(weight, 6), term) for term, weight in weights.items()}
