"""The classify prompt: categories and a letter in, its labels out, by words shared with a category and everyday cues.
The question is one the letter asks; nothing is understood, and nothing the letter says of itself is believed."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from local.models.asking import on_one_line
from local.models.fields import JsonObject
from local.models.labels import fit
from local.models.languages import language_of
from local.models.messages import Message, read_json
from local.models.rewriting import FollowUp, rewrite
from local.models.sentences import split_sentences
from local.models.summaries import summarize
from local.models.vocabulary import weight
from local.models.words import split_words, stem

SPAM = "spam"
DESCRIBED = 1.5  # a word of a category's description in the letter is worth this many cues
LEAST_SPAM = 3.0  # cues: a letter that merely says "free" is none
PRIORITIES = ("urgent", "high", "normal", "low")
SENTIMENTS = {"negative": "complaint negative", "positive": "positive praise"}
LONGEST_QUESTION = 500


@dataclass(frozen=True, slots=True)
class Letter:
    """What is to be sorted, and into what: the words of each category by its name."""

    categories: dict[str, str]
    subject: str
    text: str


def read_letter(messages: Sequence[Message]) -> Letter | None:
    """The letter in the last user message, or None if that is not `{"categories": [...], "letter": {...}}`."""
    said = [message.text for message in messages if message.role == "user"]
    value = read_json(said[-1]) if said else None
    if not isinstance(value, dict) or not isinstance(value.get("letter"), dict):
        return None
    categories, letter = value.get("categories"), value["letter"]
    if not isinstance(categories, list) or not all(_is_category(each) for each in categories):
        return None
    described = {each["name"]: str(each.get("description", "")) for each in categories}
    return Letter(described, str(letter.get("subject", "")), str(letter.get("text", "")))


def _is_category(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("name"), str)


def sort(letter: Letter) -> JsonObject:
    """The labels, as the classify prompt's response format names them."""
    whole = f"{letter.subject}\n{letter.text}"
    return {
        "category": _category(letter, whole),
        "priority": PRIORITIES[_priority(whole)],
        "sentiment": _sentiment(whole),
        "language": language_of(letter.text or letter.subject),
        "question": _question(letter),
    }


def _category(letter: Letter, whole: str) -> str:
    said = Counter(stem(word) for word in split_words(whole))
    scores = {name: fit(name, said) + _described(words, said) for name, words in letter.categories.items()}
    best = max(scores, key=lambda name: scores[name], default="other")
    if fit(SPAM, said) >= max(LEAST_SPAM, scores.get(best, 0.0)):
        return SPAM
    catch_all = [name for name in letter.categories if name in ("other", "general", "misc")]
    return catch_all[0] if catch_all and not scores[best] else best


def _described(description: str, said: Counter[str]) -> float:
    words = {stem(word): weight(word) for word in split_words(description)}
    return DESCRIBED * sum(known for word, known in words.items() if word in said) / math.sqrt(max(len(words), 1))


def _priority(whole: str) -> int:
    said = Counter(stem(word) for word in split_words(whole))
    scores = [fit(name, said) for name in ("urgent", "high", "medium", "low")]
    return scores.index(max(scores)) if max(scores) > 0 else PRIORITIES.index("normal")


def _sentiment(whole: str) -> str:
    said = Counter(stem(word) for word in split_words(whole))
    scores = {name: fit(cues, said) for name, cues in SENTIMENTS.items()}
    if scores["negative"] == scores["positive"]:
        return "neutral"
    return max(scores, key=lambda name: scores[name])


def _question(letter: Letter) -> str:
    """The first thing that is asked, made to stand alone with the subject's words; else what the text is about."""
    asked = [sentence.text for sentence in split_sentences(letter.text) if sentence.text.endswith("?")]
    if not asked:
        return on_one_line(next(iter(summarize([letter.text], most=1)), letter.subject))[:LONGEST_QUESTION]
    alone = rewrite(FollowUp(on_one_line(asked[0]), [letter.subject] if letter.subject else []))
    return str(alone["question"])[:LONGEST_QUESTION]
