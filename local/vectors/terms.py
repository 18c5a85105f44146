"""Text to terms, for the offline embedding and reranking models: folded, stemmed, and weighed by a list of common
English words, which stands in for the statistics of a corpus. Other languages work word by word."""

from __future__ import annotations

from local.models.vocabulary import FUNCTION_WEIGHT, weight
from local.models.words import split_words, stem

RARITY = 1.5  # an exponent: how much more a rare word counts


def terms(text: str) -> list[tuple[str, float]]:
    """The stems of the content words of a text, in order, each with its weight (0 to 1); of all words if it has no
    content word."""
    found = [(stem(word), weight(word)) for word in split_words(text)]
    content = [term for term in found if term[1] > FUNCTION_WEIGHT]
    return [(name, weighed**RARITY) for name, weighed in content or found]


def weights(found: list[tuple[str, float]]) -> dict[str, float]:
    """What each distinct term of a query counts; one that is said again counts a little more."""
    heaviest: dict[str, float] = {}
    said: dict[str, int] = {}
    for name, weighed in found:
        heaviest[name] = max(weighed, heaviest.get(name, 0.0))
        said[name] = said.get(name, 0) + 1
    return {name: weighed * said[name] ** 0.5 for name, weighed in heaviest.items()}
