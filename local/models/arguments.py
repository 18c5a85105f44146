"""Arguments for a tool, taken from the user's words: named values first, then values of the right form, then phrases.
Optional arguments are given only when the user names them."""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property

from local.models.filling import Leaf
from local.models.labels import best_label
from local.models.schemas import as_list, as_number, types_of
from local.models.values import NUMBER, find_form, find_names, form_of, is_named, split_name, to_number
from local.models.vocabulary import FUNCTION_WEIGHT, weight
from local.models.words import split_words, stem, word_set

QUERIES = word_set("query question q search text prompt input topic keywords goal task term terms subject about")
FORMULAS = word_set("expression formula calculation equation math")
OPERAND = r"\d[\d.,]{0,30}"
FORMULA = re.compile(rf"[-(]{{0,9}}{OPERAND}(?:[\s)]{{0,9}}[-+*/^%][\s(*-]{{0,9}}{OPERAND})+\)*")
QUOTED = re.compile(r"[\"\u201c«]([^\"\u201d»]+)[\"\u201d»]|(?<!\w)'([^']+)'(?!\w)")
PREPOSITION = re.compile(r"\b(?:for|about|on|in|of|at|from|to|with|named|called|titled|saying|that)\s+", re.IGNORECASE)
REFERENCES = word_set("id ids cursor after before offset")
MESSAGES = word_set("body message text content comment note")
SAYING = re.compile(r"\b(?:saying|that says|telling \w+)\b:?\s+[\"']?(.+?)[\"'.]*$", re.IGNORECASE | re.MULTILINE)
NEGATED = re.compile(r"\b(?:no|not|without|don't|do not|never|disable|off)\b", re.IGNORECASE)
ARTICLE = re.compile(r"(?:the|a|an|my|our|your)\s+", re.IGNORECASE)


class RequestFacts:
    """Knowledge (see filling.py) from a user's request; `item` picks among several values, for parallel calls."""

    def __init__(self, request: str, background: Sequence[str] = (), item: int = 0) -> None:
        self.request = request
        self.background = background
        self.item = item
        self._numbers_taken = 0
        self._taken: set[str] = set()

    def text(self, leaf: Leaf) -> str | None:
        if (named := self._named_value(leaf)) is not None:
            return named
        for candidates in self._candidates(leaf):
            if candidates:
                return self._take(candidates, leaf.item + self.item)
        default = leaf.schema.get("default")
        return default if isinstance(default, str) else None if is_reference(leaf.name) else self._phrase(leaf)

    def _take(self, candidates: list[str], at: int) -> str:
        """The value at `at`, or the last; a quotation is used for one argument only."""
        value = candidates[min(at, len(candidates) - 1)]
        self._taken.add(value)
        return value

    def _candidates(self, leaf: Leaf) -> Iterator[list[str]]:
        words = frozenset(split_name(leaf.name))
        if form := form_of(leaf.name, leaf.schema.get("format")):
            yield find_form(form, [self.request])
            yield find_form(form, self.background)
        if is_formula(leaf.name):
            yield find_formulas(self.request)
        if words & MESSAGES:
            yield SAYING.findall(self.request)
        yield [quoted for quoted in find_quoted(self.request) if quoted not in self._taken]
        if is_named(leaf.name):
            yield find_names([self.request])

    def _named_value(self, leaf: Leaf) -> str | None:
        """What follows the property's name: `city: Paris`, `city=Paris`, `the city is Paris`."""
        name = _spelled(leaf.name)
        quoted = rf"\b{name}\s*(?:[:=]|\bis\b)?\s*[\"']([^\"']+)[\"']"
        plain = rf"\b{name}\s*(?:[:=]|\bis\b)\s*([^\s,;\"']+)"
        found = re.search(quoted, self.request, re.IGNORECASE) or re.search(plain, self.request, re.IGNORECASE)
        return self._take([found.group(1).rstrip(".?!")], 0) if found and name else None

    def _phrase(self, leaf: Leaf) -> str | None:
        """The words after a colon or the first preposition, else the whole request."""
        bare = self.request.strip().rstrip(".?!")
        if "?" in self.request and not QUERIES.isdisjoint(split_name(leaf.name)):
            return self.request.strip() or None
        if ": " in bare:
            return bare.split(": ", 1)[1].strip() or None
        parts = PREPOSITION.split(bare, maxsplit=1)
        phrase = ARTICLE.sub("", parts[-1], count=1) if len(parts) > 1 and ARTICLE.match(parts[-1]) else parts[-1]
        return phrase.strip() or None

    def texts_matching(self, leaf: Leaf) -> Iterator[str]:
        yield self.request
        yield from self.background

    def number(self, leaf: Leaf) -> float | None:
        """A number beside the property's name, else the next of the request's numbers."""
        named = self._named_number(leaf)
        if named is not None:
            return named
        if self._numbers_taken < len(self._numbers):
            self._numbers_taken += 1
            return self._numbers[self._numbers_taken - 1]
        return as_number(leaf.schema.get("default"))

    def _named_number(self, leaf: Leaf) -> float | None:
        name = _spelled(leaf.name)
        after = re.search(rf"\b{name}\s*(?:[:=]|\bis\b|\bof\b)?\s*({NUMBER.pattern})", self.request, re.IGNORECASE)
        before = re.search(rf"({NUMBER.pattern})\s+{name}\b", self.request, re.IGNORECASE)
        found = after or before
        return to_number(found.group(1)) if found and name else None

    @cached_property
    def _numbers(self) -> list[float]:
        return [to_number(match.group()) for match in NUMBER.finditer(self.request)]

    def truth(self, leaf: Leaf) -> bool:
        if not self._mentions(leaf):
            return leaf.schema.get("default") is True
        words = {stem(word) for word in split_name(leaf.name)}
        clauses = [part for part in re.split(r"[,;.]", self.request) if words & {stem(w) for w in split_words(part)}]
        return not any(NEGATED.search(clause) for clause in clauses)

    def label(self, leaf: Leaf, options: Sequence[str]) -> int:
        default = leaf.schema.get("default")
        if default in options and not self._says_one_of(options):
            return options.index(str(default))
        return best_label(options, self.request)

    def count(self, leaf: Leaf) -> int:
        found = next((candidates for candidates in self._candidates(leaf) if candidates), [""])
        return len(found)

    def wants(self, leaf: Leaf) -> bool:
        if "enum" in leaf.schema:
            return self._says_one_of([str(option) for option in as_list(leaf.schema["enum"])])
        if {"number", "integer"} & set(types_of(leaf.schema)):
            return self._named_number(leaf) is not None
        return self._named_value(leaf) is not None or ("boolean" in types_of(leaf.schema) and self._mentions(leaf))

    def _says_one_of(self, options: Sequence[str]) -> bool:
        said = self._stems
        return any(
            said.issuperset(stem(word) for word in split_name(option)) for option in options if split_name(option)
        )

    def _mentions(self, leaf: Leaf) -> bool:
        content = {stem(word) for word in split_name(leaf.name) if weight(word) > FUNCTION_WEIGHT}
        return bool(content) and content <= self._stems

    @cached_property
    def _stems(self) -> frozenset[str]:
        return frozenset(stem(word) for word in split_words(self.request))


def is_formula(name: str) -> bool:
    return not FORMULAS.isdisjoint(split_name(name))


def has_value(name: str, request: str) -> bool:
    """Whether the request holds a value of the form an argument of this name takes."""
    form = form_of(name, None)
    return form is not None and bool(find_form(form, [request]))


def is_reference(name: str) -> bool:
    """Whether an argument is an id or a place in a list, which no phrase of a request can be."""
    words = split_name(name)
    return bool(words) and words[-1] in REFERENCES


def find_formulas(request: str) -> list[str]:
    return [match.group().rstrip(".,") for match in FORMULA.finditer(request)]


def find_quoted(request: str) -> list[str]:
    return [one or other for one, other in QUOTED.findall(request)]


def _spelled(name: str) -> str:
    """A pattern for the name as a user may write it."""
    return r"[\s_-]+".join(re.escape(word) for word in split_name(name))
