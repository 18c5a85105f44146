"""Text to terms, for the offline embedding and reranking models: folded, stemmed lightly, without function words.
English in its stop words and endings; other languages work word by word."""

from __future__ import annotations

import re
import unicodedata

# With those that only make a question: how long, how many.
_FUNCTION_WORDS = """
    a about after all also am an and any are as at be because been before being but by can could did do does doing
    for from get had has have having he her here him his how i if in into is it its just long many me more most much
    my no nor not of off often on once only or other our out over own same she should so some such than that the
    their them then there these they this those through to too under until up very was we were what when where which
    while who whom why will with would you your"""
STOP_WORDS = frozenset(_FUNCTION_WORDS.split())

# A stem keeps at least three letters, so "need" and "used" stay whole.
ENDINGS = (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("es", ""), ("s", ""))
KEPT_ENDINGS = ("ss", "us", "is")

_WORD = re.compile(r"\w+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n\s*\n")


def words(text: str) -> list[str]:
    """The words of a text in lower case, without accents."""
    decomposed = unicodedata.normalize("NFKD", text)
    return _WORD.findall("".join(char for char in decomposed if not unicodedata.combining(char)).casefold())


def terms(text: str) -> list[str]:
    """The stems of the content words of a text, in order; of all words if it has no content word."""
    found = words(text)
    return [stem(word) for word in found if word not in STOP_WORDS] or [stem(word) for word in found]


def sentences(text: str) -> list[str]:
    return _SENTENCE_END.split(text)


def stem(word: str) -> str:
    """The word without its most common English endings, so that charge, charges, charged and charging meet."""
    if not word.isalpha():
        return word
    for ending, instead in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith(KEPT_ENDINGS):
            word = word[: -len(ending)] + instead
            break
    return word[:-1] if word.endswith("e") and len(word) > 3 else word
