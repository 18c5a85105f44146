"""What a conversation's material knows about the leaves of a response schema, by their names and descriptions.
Texts are sentences of the material; nothing is written that was not read, but for the refusals."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TypeVar

from local.models.answers import answer, find_support
from local.models.asking import on_one_line
from local.models.conversations import Conversation
from local.models.evidence import SUPPORT, Evidence, Source, rank_sentences
from local.models.filling import Leaf
from local.models.labels import best_label
from local.models.questions import Question
from local.models.schemas import as_number
from local.models.summaries import summarize
from local.models.values import find_form, find_names, find_numbers, form_of, is_named, split_name
from local.models.vocabulary import weight
from local.models.words import split_words, word_set

ANSWERS = word_set("answer reply response message draft body content text output result final")
SUMMARIES = word_set("summary overview abstract gist tldr description synopsis")
QUOTES = word_set("quote quotes quotation evidence excerpt citation citations passage")
TITLES = word_set("title subject headline heading")
KEYWORDS = word_set("keyword keywords tag tags topic topics")
SCORES = word_set("confidence score probability relevance similarity likelihood certainty")
SUPPORTED = word_set("supported answered answerable grounded found")
AUXILIARIES = word_set("is are has have needs need requires should can contains was")
NEGATED = re.compile(r"\b(?:not?|never|without|isn't|aren't|don't|doesn't|cannot|can't)\b", re.IGNORECASE)
LONGEST_TITLE, MOST_ITEMS = 80, 3

Found = TypeVar("Found", str, float)  # `def f[T]` needs Python 3.12


class MaterialFacts:
    """Knowledge (see filling.py) from what was said, what tools returned and what was asked."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self._rankings: dict[str, list[Evidence]] = {}

    @cached_property
    def texts(self) -> Sequence[str]:
        return self.conversation.texts or [text for text in (self.conversation.question,) if text]

    @cached_property
    def everything(self) -> str:
        return "\n".join([*self.conversation.texts, self.conversation.question])

    def text(self, leaf: Leaf) -> str | None:
        form = form_of(leaf.name, leaf.schema.get("format"))
        if form is not None:
            return _item(find_form(form, [self.everything]), leaf.item)
        words = frozenset(split_name(leaf.name))
        if words & KEYWORDS:
            return _item(self._keywords, leaf.item)
        if is_named(leaf.name):
            return _item(find_names(self.texts), leaf.item)
        return self._prose(words, leaf)

    def _prose(self, words: frozenset[str], leaf: Leaf) -> str | None:
        if words & QUOTES:
            return self._sentence(leaf)
        if words & SUMMARIES:
            return on_one_line(" ".join(summarize(self.texts))) or None
        if words & TITLES:
            return _shorten(on_one_line(next(iter(summarize(self.texts, most=1)), ""))) or None
        if words & ANSWERS and not leaf.item:
            return answer(self.conversation)
        if words & {"language", "locale"}:
            return "en"
        sentence = self._sentence(leaf)
        return sentence if sentence is None else on_one_line(sentence)

    def texts_matching(self, leaf: Leaf) -> Iterator[str]:
        yield self.everything

    def number(self, leaf: Leaf) -> float | None:
        if SCORES.intersection(split_name(leaf.name)):
            return round(min(find_support(self.conversation), 1.0) * (as_number(leaf.schema.get("maximum")) or 1), 3)
        return _item(find_numbers(leaf.name, [self.everything]), leaf.item)

    def truth(self, leaf: Leaf) -> bool:
        """Whether a sentence says the words of the property's name, and says them unnegated."""
        words = split_name(leaf.name)
        if not SUPPORTED.isdisjoint(words):
            return find_support(self.conversation) >= SUPPORT
        about = " ".join(word for word in words if word not in AUXILIARIES)
        wanted = Question(about).terms.keys()
        said = [each for each in self._rank(about) if wanted and wanted <= each.covered]
        return bool(said) and not NEGATED.search(said[0].quote)

    def label(self, leaf: Leaf, options: Sequence[str]) -> int:
        return best_label(options, self.everything)

    def count(self, leaf: Leaf) -> int:
        words = frozenset(split_name(leaf.name))
        if words & KEYWORDS:
            return min(MOST_ITEMS, len(self._keywords))
        form = form_of(leaf.name, None)
        if form is not None:
            return min(MOST_ITEMS, len(find_form(form, [self.everything])))
        if is_named(leaf.name):
            return min(MOST_ITEMS, len(find_names(self.texts)))
        return min(MOST_ITEMS, len(self._rank(self.conversation.question)))

    def wants(self, leaf: Leaf) -> bool:
        return True

    def _sentence(self, leaf: Leaf) -> str | None:
        about = f"{' '.join(split_name(leaf.name))} {leaf.schema.get('description', '')} {self.conversation.question}"
        ranked = [each.quote for each in self._rank(about) if each.score > 0] or summarize(self.texts, most=MOST_ITEMS)
        return ranked[leaf.item % len(ranked)] if ranked else None

    def _rank(self, about: str) -> list[Evidence]:
        if about not in self._rankings:
            sources = [Source(number, text) for number, text in enumerate(self.texts)]
            self._rankings[about] = rank_sentences(Question(about), sources)
        return self._rankings[about]

    @cached_property
    def _keywords(self) -> list[str]:
        words = [word for word in split_words(" ".join(self.texts)) if weight(word) == 1 and len(word) > 2]
        return [word for word, _ in Counter(words).most_common(MOST_ITEMS)]


def _item(found: Sequence[Found], item: int) -> Found | None:
    return found[item] if item < len(found) else None


def _shorten(title: str) -> str:
    if len(title) <= LONGEST_TITLE:
        return title
    return title[:LONGEST_TITLE].rsplit(" ", 1)[0].rstrip(",;:")
