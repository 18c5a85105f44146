"""Values that can be found in a text by their form: numbers, dates, addresses, identifiers, names.
A property says by its name or format which form it takes; what it is about is left to the callers."""

import re
from collections.abc import Sequence

from local.models.questions import MONEY, NAME
from local.models.sentences import split_sentences
from local.models.vocabulary import weight
from local.models.words import split_words, stem, word_set

MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?"
DATE_TIME = r"\b\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?"
NUMBER = re.compile(  # up to 15 digits: what a float holds exactly
    r"(?<![\w.-])-?\d{1,3}(?:,\d{3}){1,4}(?:\.\d{1,9})?(?!\d)|(?<![\w.])-?\d{1,15}(?:\.\d{1,15})?(?!\d)"
)
UUID = r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
IDENTIFIER = rf"{UUID}|\b[A-Za-z]{{1,12}}[-_](?=\w*\d)\w+\b|#\d+|\b[A-Z]{{1,6}}\d{{2,}}\b|\b\d{{2,}}\b"

# (words a property's name may hold, or its format, and the form its value then has); the first that fits counts.
FORMS = tuple(
    (frozenset(names.split()), re.compile(form))
    for names, form in (
        ("email mail e-mail", r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+"),
        ("url uri link website webpage", r"https?://[^\s<>\"')\]]+[^\s<>\"')\].,;:]"),
        ("date-time timestamp datetime", DATE_TIME),
        (
            "date deadline birthday",
            rf"\b\d{{4}}-\d\d-\d\d\b|\b\d{{1,2}}\.? {MONTH} \d{{4}}|\b{MONTH} \d{{1,2}},? \d{{4}}",
        ),
        ("time", r"\b\d{1,2}:\d\d(?::\d\d)?(?: ?[ap]m)?\b"),
        ("phone telephone mobile", r"\+?\d[\d ()/-]{6,}\d"),
        ("path file filename filepath", r"(?<![\w./-])(?:[\w.-]+/)+[\w.-]+|\b[\w-]+\.[A-Za-z]\w{0,4}\b"),
        ("id ids identifier uuid reference key", IDENTIFIER),
    )
)
MONEY_NAMES = word_set("amount total price cost fee sum charge payment")
JOINT = re.compile(r"\s*(?:,|&|,?\s*\b(?:and|or)\b)\s*")
NAMED = word_set(
    """
    name names person customer author city location country place company recipient sender owner organization entity
    entities product state region destination origin assignee
    """
)


def split_name(name: str) -> list[str]:
    """The words of a property's or tool's name: `orderId` and `order_id` are *order id*."""
    return split_words(re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_.-]", " ", name))


def form_of(name: str, format_name: object) -> re.Pattern[str] | None:
    """The form a property's values take, if its name or its `format` tells."""
    words = {*split_name(name), str(format_name)}
    return next((form for names, form in FORMS if not names.isdisjoint(words)), None)


def is_named(name: str) -> bool:
    """Whether a property holds a proper name."""
    return not NAMED.isdisjoint(split_name(name))


def find_form(form: re.Pattern[str], texts: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(match.group().removeprefix("#") for text in texts for match in form.finditer(text)))


def find_names(texts: Sequence[str]) -> list[str]:
    """Proper names, those inside a sentence first: at its start any word is capitalised."""
    inside: list[str] = []
    first: list[str] = []
    for sentence in (sentence.text for text in texts for sentence in split_sentences(text)):
        for match in re.finditer(NAME, sentence):
            name = match.group().rstrip(".'\u2019&-")
            if weight(name.lower()) == 1:  # not a common word that merely begins a sentence
                (inside if match.start() else first).append(name)
    return list(dict.fromkeys([*inside, *(name for name in first if " " in name or not inside)]))


def find_joined_names(text: str) -> list[str]:
    """The first names that stand in one enumeration: *Paris, Rome and Oslo on Monday* has three."""
    joined: list[str] = []
    end = 0
    for name in find_names([text]):
        start = text.find(name, end)
        if joined and not JOINT.fullmatch(text[end:start]):
            break
        joined.append(name)
        end = start + len(name)
    return joined


def find_numbers(name: str, texts: Sequence[str]) -> list[float]:
    """Sums of money for a name that means one; else numbers in sentences that share a word with it, nearest first."""
    if not MONEY_NAMES.isdisjoint(split_name(name)):
        sums = [match.group() for text in texts for match in re.finditer(MONEY, text)]
        return [to_number(number) for amount in sums for number in NUMBER.findall(amount)]
    wanted = {stem(word) for word in split_name(name) if weight(word) >= 0.4}
    found: list[tuple[int, float]] = []
    for sentence in (sentence.text for text in texts for sentence in split_sentences(text)):
        places = [match.start() for match in re.finditer(r"\w+", sentence) if stem(match.group().lower()) in wanted]
        for match in NUMBER.finditer(sentence) if places else ():
            found.append((min(abs(match.start() - place) for place in places), to_number(match.group())))
    return [number for _, number in sorted(found, key=lambda each: each[0])]


def to_number(text: str) -> float:
    value = float(text.replace(",", ""))
    return int(value) if value.is_integer() else value
