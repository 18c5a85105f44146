"""A question taken apart: the words its answer must share, what each weighs, and the kind of thing it asks for.
Only surface forms are read; nothing is inferred, so the same question always asks for the same."""

import re
from dataclasses import dataclass
from functools import cached_property

from local.models.vocabulary import FUNCTION_WEIGHT, weight
from local.models.words import split_words, stem

NUMBER = (
    r"(?:\d[\d.,]*|half|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|twenty|thirty|forty|fifty"
    r"|hundreds?|thousands?|millions?|billions?)"
)
SPAN = rf"{NUMBER}(?:[ -]\w+)?[ -](?:second|minute|hour|day|night|week|month|quarter|year|decade|centur(?:y|ie))s?"
DATE = (
    r"(?:\b1\d{3}\b|\b20\d\d\b|\b\d{1,2}[:.]\d\d\b|\d(?:st|nd|rd|th) century|\b\d{1,2} ?[ap]\.?m\b"
    r"|(?:Jan|Febr)uary|March|April|May \d|June|July|August|(?:Septem|Octo|Novem|Decem)ber"
    r"|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)"
)
MONEY = rf"(?:[$€£¥] ?\d[\d.,]*|\b{NUMBER}(?: \w+)? (?:dollars?|euros?|pounds?|cents?|percent|USD|EUR|GBP)\b)"
NAME = r"\b[A-Z][\w'\u2019&.-]*(?: (?:of |the |de |von )?[A-Z][\w'\u2019&.-]*)*"

# The first kind whose pattern is in the question counts; its answer pattern is then looked for in a sentence.
KINDS = tuple(
    (re.compile(asked, re.IGNORECASE), re.compile(answer, flags))
    for asked, answer, flags in (
        (r"\bhow (?:long|old)\b|\bhow many (?:\w+ )?(?:days|weeks|months|years|hours)\b", SPAN, re.IGNORECASE),
        (r"\bhow much\b.*\b(?:cost|pay|paid|price|earn|spend|charge)|\bwhat (?:price|fee)\b", MONEY, re.IGNORECASE),
        (r"\bhow (?:many|much|far|often|large|big|tall|high|fast)\b|\bwhat (?:number|percent\w*|proportion)\b",
         rf"\b{NUMBER}\b", re.IGNORECASE),
        (r"\bwhen\b|\b(?:what|which) (?:\w+ )?(?:year|date|day|month|decade|century|time)\b", rf"{DATE}|{SPAN}", 0),
        (r"\bwho(?:m|se)?\b|\bwhere\b|\b(?:what|which) (?:\w+ )?(?:person|people|city|country|state|company|team|place"
         r"|river|university|school|region|king|president|name)\b|\bnamed?\b", NAME, 0),
        (r"\bwhy\b", r"\b(?:because|due to|since|so that|in order to|as a result|therefore|caused? by)\b",
         re.IGNORECASE),
    )
)  # fmt: skip


@dataclass(frozen=True)
class Question:
    """A question in the user's own words."""

    text: str

    @cached_property
    def terms(self) -> dict[str, float]:
        """Stems of the content words -> weight, in order of appearance."""
        found: dict[str, float] = {}
        for word in split_words(self.text):
            if weight(word) > FUNCTION_WEIGHT:
                found[stem(word)] = max(weight(word), found.get(stem(word), 0.0))
        return found

    @cached_property
    def stems(self) -> frozenset[str]:
        return frozenset(stem(word) for word in split_words(self.text))

    @cached_property
    def _answer_pattern(self) -> re.Pattern[str] | None:
        return next((answer for asked, answer in KINDS if asked.search(self.text)), None)

    def is_met_by(self, sentence: str) -> bool:
        """Whether the sentence holds a thing of the kind asked for, which the question did not name itself."""
        if self._answer_pattern is None:
            return False
        candidates = (match.group() for match in self._answer_pattern.finditer(sentence))
        return any(not {stem(word) for word in split_words(found)} <= self.stems for found in candidates)
