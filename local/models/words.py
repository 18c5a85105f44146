"""Words as the models see them: accent-folded, lower-case, and lightly stemmed so that inflections meet.
Everything here is a pure function of the text, so two processes on two machines agree."""

import re
import unicodedata
from functools import lru_cache

WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*|[^\W_]")
VOWEL = re.compile(r"[aeiouy]")

# (ending, what takes its place, letters that must remain); the first that fits is applied, then the next group.
PLURALS = (("sses", "ss", 2), ("ies", "y", 2), ("xes", "x", 2), ("ches", "ch", 2), ("shes", "sh", 2), ("s", "", 3))
INFLECTIONS = (("ingly", "", 3), ("edly", "", 3), ("ing", "", 3), ("ied", "y", 2), ("ed", "", 3))
DERIVATIONS = (
    ("ational", "ate", 3), ("ization", "ize", 3), ("isation", "ize", 3), ("ation", "ate", 3), ("ically", "ic", 3),
    ("ement", "", 4), ("ment", "", 4), ("ness", "", 4), ("ally", "al", 3), ("ily", "y", 3), ("ly", "", 3),
    ("ise", "ize", 3), ("yse", "yze", 3),
)  # fmt: skip
KEEPS_ITS_S = ("ss", "us", "is")


def word_set(words: str) -> frozenset[str]:
    """A list of words written as running text."""
    return frozenset(words.split())


def fold(text: str) -> str:
    """Lower-case, without accents and compatibility forms."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).lower()


def split_words(text: str) -> list[str]:
    """Folded words in order, a possessive or a curly apostrophe made plain."""
    found: list[str] = WORD.findall(fold(text))
    return [word.replace("\u2019", "'").removesuffix("'s") for word in found]


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """The word without its English inflection: *studies* and *studied* -> *study*, *stopping* -> *stop*."""
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    if not word.endswith(KEEPS_ITS_S):
        word = _replace_ending(word, PLURALS)
    stripped = _replace_ending(word, INFLECTIONS)
    word = _undouble(stripped) if stripped != word else word
    word = _replace_ending(word, DERIVATIONS)
    return word[:-1] if word.endswith("e") and len(word) > 3 else word


def _replace_ending(word: str, endings: tuple[tuple[str, str, int], ...]) -> str:
    for ending, replacement, remaining in endings:
        stump = word.removesuffix(ending)
        if stump != word and len(stump) >= remaining and VOWEL.search(stump):
            return stump + replacement
    return word


def _undouble(word: str) -> str:
    """*stopp* -> *stop*, but *tell* and *pass* stay."""
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
        return word[:-1]
    return word
