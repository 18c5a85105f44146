"""The rewrite prompt: a conversation and a follow-up in, the follow-up with the subject of the question before it out.
Words are carried over as they stand, from its first telling one to its last; nothing is understood."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from local.models.fields import JsonObject
from local.models.messages import Message, read_json
from local.models.vocabulary import VERY_COMMON_WEIGHT, weight
from local.models.words import WORD, split_words, word_set

LEAD = re.compile(r"\s*(?:and|but|so|or|also|then|ok(?:ay)?|well|thanks?|thank you)\b[\s,]*", re.IGNORECASE)
POINTING = word_set(
    """
    it its they them their theirs he him his she her hers this that these those there one ones other others former
    latter same such first second third too either instead
    """
)
OPENING = re.compile(r"\s*(?:and|but|so|or|also|then|what about|how about|what if)\b", re.IGNORECASE)
FEWEST_WORDS = 2  # telling ones: a question with fewer leaves its subject to the one before
BRIDGE = ", as to "


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A question and those before it, oldest first."""

    question: str
    before: Sequence[str]


def read_follow_up(messages: Sequence[Message]) -> FollowUp | None:
    """The follow-up in the last user message, or None if that is not `{"history": [...], "question": "..."}`."""
    said = [message.text for message in messages if message.role == "user"]
    value = read_json(said[-1]) if said else None
    if not isinstance(value, dict) or not isinstance(value.get("question"), str):
        return None
    history = value.get("history")
    if not isinstance(history, list) or not all(_is_turn(turn) for turn in history):
        return None
    return FollowUp(value["question"], [turn["question"] for turn in history])


def _is_turn(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("question"), str)


def rewrite(follow_up: FollowUp) -> JsonObject:
    """`question`, as the rewrite prompt's response format names it."""
    subject = _subject(follow_up.before[-1]) if follow_up.before else ""
    if not subject or not _leans(follow_up.question):
        return {"question": follow_up.question}
    own = LEAD.sub("", follow_up.question, count=1).strip() or follow_up.question
    ending = re.search(r"[\s?.!]*$", own)
    end = ending.start() if ending else len(own)
    return {"question": f"{own[:1].upper()}{own[1:end]}{BRIDGE}{subject}?"}


def _leans(question: str) -> bool:
    """Whether it opens like one that goes on, points at something, or tells too little to stand alone."""
    words = split_words(question)
    telling = [word for word in words if weight(word) > VERY_COMMON_WEIGHT]
    return bool(OPENING.match(question)) or not POINTING.isdisjoint(words) or len(telling) < FEWEST_WORDS


def _subject(question: str) -> str:
    """The question from its first telling word to its last; of one that was rewritten, what it was bridged to."""
    bridged = question.rpartition(BRIDGE)[2]
    told = [match for match in WORD.finditer(bridged) if weight(split_words(match.group())[0]) > VERY_COMMON_WEIGHT]
    return bridged[told[0].start() : told[-1].end()] if told else ""
