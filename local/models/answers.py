"""Answers in plain words to what a conversation asks: sentences of its material, or a sentence saying there are none.
The same extraction as for the ask prompt, without numbered sources."""

import re

from local.models.asking import REFUSAL, on_one_line
from local.models.conversations import WORKS_ON_TEXT, Conversation
from local.models.evidence import find_evidence, rank_sentences
from local.models.questions import Question
from local.models.summaries import summarize

NOTHING_TO_EXTRACT = "This is an offline extractive model, and it was given no source to answer from."
SENTENCES_WANTED = re.compile(r"\b(\d{1,2}|one|two|three|four|five) sentences?\b", re.IGNORECASE)
SMALL_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
SENTENCES_BY_DEFAULT = 3


def answer(conversation: Conversation) -> str:
    if not conversation.material:
        return NOTHING_TO_EXTRACT
    if not conversation.question or conversation.wants_summary:
        return _summary(conversation)
    question = Question(conversation.question)
    evidence = find_evidence(question, conversation.sources)
    if not evidence and conversation.results:
        # Whoever called a tool wants its result, however little its words resemble the question's.
        evidence = rank_sentences(question, conversation.sources[: len(conversation.results)])[:SENTENCES_BY_DEFAULT]
    if evidence:
        return " ".join(on_one_line(each.quote) for each in evidence)
    return _summary(conversation) if WORKS_ON_TEXT.match(conversation.question) else REFUSAL


def find_support(conversation: Conversation) -> float:
    """How much of the question the material covers, 0 to 1; without a question, whether there is material."""
    if not conversation.question:
        return float(bool(conversation.material))
    ranked = rank_sentences(Question(conversation.question), conversation.sources)
    return ranked[0].support if ranked else 0.0


def _summary(conversation: Conversation) -> str:
    wanted = SENTENCES_WANTED.search(f"{conversation.question}\n{conversation.instructions}")
    count = wanted.group(1).lower() if wanted else str(SENTENCES_BY_DEFAULT)
    most = SMALL_NUMBERS.get(count) or int(count)
    return on_one_line(" ".join(summarize(conversation.texts, most=max(most, 1))))
