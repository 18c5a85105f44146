"""The most central sentences of a text: those that share most with the others.
Continuous degree centrality, as in Erkan and Radev, LexRank (2004), without the random walk."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from local.models.sentences import split_statements
from local.models.vocabulary import FUNCTION_WEIGHT, weight
from local.models.words import split_words, stem

FEWEST_WORDS = 4  # a shorter sentence is a heading or a greeting


def summarize(texts: Sequence[str], *, most: int = 3) -> list[str]:
    """The `most` central sentences, verbatim, in the order they stand in."""
    sentences = list(dict.fromkeys(sentence.text for text in texts for sentence in split_statements(text)))
    candidates = [sentence for sentence in sentences if len(sentence.split()) >= FEWEST_WORDS] or sentences
    centrality = _centrality(candidates)
    best = sorted(range(len(candidates)), key=lambda at: (-centrality[at], at))[:most]
    return [candidates[at] for at in sorted(best)]


def _centrality(sentences: Sequence[str]) -> list[float]:
    """The sum of each sentence's cosines with all others; rounded, so that no two machines order them differently."""
    bags = [Counter(_content(sentence)) for sentence in sentences]
    frequency = Counter(word for bag in bags for word in bag)
    rows = [_unit({word: n * math.log(1 + len(bags) / frequency[word]) for word, n in bag.items()}) for bag in bags]
    total: defaultdict[str, float] = defaultdict(float)
    for row in rows:
        for word, value in row.items():
            total[word] += value
    # Cosines with all rows add up to the product with the rows' sum, so no table of pairs is needed; 1 is its own.
    return [round(sum(value * total[word] for word, value in row.items()) - 1, 9) for row in rows]


def _unit(row: dict[str, float]) -> dict[str, float]:
    length = math.sqrt(sum(value * value for value in row.values())) or 1.0
    return {word: value / length for word, value in row.items()}


def _content(sentence: str) -> list[str]:
    return [stem(word) for word in split_words(sentence) if weight(word) > FUNCTION_WEIGHT]
