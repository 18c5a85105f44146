"""What a conversation asks, and what it gives to answer from.
The last user message is the question; everything else users, tools and the system said is the material."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from local.models.evidence import Source
from local.models.messages import INSTRUCTION_ROLES, Message, read_json
from local.models.sentences import split_sentences

QUESTION_KEYS = ("question", "query", "goal", "task", "prompt", "instruction", "instructions", "request")
LABELLED = re.compile(r"^\W{0,10}(?:question|query|task|goal|request)\s*:\s*(\S.*)$", re.IGNORECASE | re.MULTILINE)
WORKS_ON_TEXT = re.compile(
    r"\W*(?:please |can you |could you )?(?:summari[sz]e|extract|classify|describe|rewrite|shorten|review|analy[sz]e"
    r"|write|draft|reply|list|translate|explain this|condense|outline|triage|read|tl;?dr)\b",
    re.IGNORECASE,
)
LEAD = re.compile(r"\s*(?P<lead>[^\n:.?!]{1,120}:)\s*\S|\s*(?P<line>[^\n]{1,300})\n\s*\S")
ADDRESSED = re.compile(
    r"\W*(?:you(?:r|'re| are)?|answer|reply|respond|return|output|write|use|do not|don't|never|always|only|be|act"
    r"|keep|cite|treat|format|think|summari[sz]e|extract|classify|given|if|when asked|please|ignore|provide|call"
    r"|the user|json)\b",
    re.IGNORECASE,
)
SUMMARY = re.compile(r"\bsummar(?:y|ies|i[sz]\w*)\b", re.IGNORECASE)
ENOUGH_FOR_A_TEXT = 4  # words; a JSON string with fewer is a value, shown with its key


@dataclass(frozen=True, slots=True)
class Conversation:
    """`request` is the last user message, `question` what it asks: empty when it is all material. `results` are what
    tools have just returned, `facts` what the system states beside its `instructions`."""

    request: str
    question: str
    results: tuple[str, ...]
    said: tuple[str, ...]
    facts: tuple[str, ...]
    instructions: str

    @property
    def texts(self) -> tuple[str, ...]:
        """The material to work on: what was said in the conversation; if nothing was, the system's facts."""
        return (*self.results, *self.said) or self.facts

    @property
    def material(self) -> tuple[str, ...]:
        """All there is to answer from."""
        return (*self.results, *self.said, *self.facts)

    @property
    def sources(self) -> list[Source]:
        return [Source(number, text) for number, text in enumerate(self.material, start=1)]

    @property
    def wants_summary(self) -> bool:
        """Whether the word is said, in the instructions or the request, and nothing is asked."""
        return "?" not in self.question and bool(SUMMARY.search(f"{self.instructions}\n{self.question}"))


def read_conversation(messages: Sequence[Message]) -> Conversation:
    at = max((at for at, message in enumerate(messages) if message.role == "user"), default=-1)
    asked = messages[at].text if at >= 0 else ""
    system = [message.text for message in messages if message.role in INSTRUCTION_ROLES]
    question, beside = split_question(asked, summarizing=bool(SUMMARY.search("\n".join(system))))
    said = [*beside, *_texts(message for message in messages[: max(at, 0)] if message.role in ("user", "tool"))]
    results = list(_texts(message for message in messages[at + 1 :] if message.role == "tool"))
    request = asked if read_json(asked) is None else question
    if not said and not results and len(split_sentences(question)) > 1:
        question, said = "", [question]  # several sentences that ask nothing, and nothing else to work on
    return Conversation(request, question, tuple(results), tuple(said), tuple(_facts(system)), "\n".join(system))


def split_question(text: str, *, summarizing: bool) -> tuple[str, list[str]]:
    """The question in a user's message, and the texts beside it. Under instructions to summarize all is material."""
    value = read_json(text)
    if isinstance(value, dict):
        key = next((key for key in QUESTION_KEYS if isinstance(value.get(key), str)), None)
        rest = {name: part for name, part in value.items() if name != key}
        return str(value.get(key, "")), list(flatten(rest))
    if value is not None:
        return "", list(flatten(value))
    if labelled := LABELLED.search(text):
        return labelled.group(1).strip(), _kept(text[: labelled.start()], text[labelled.end() :])
    return _split_prose(text, summarizing)


def _split_prose(text: str, summarizing: bool) -> tuple[str, list[str]]:
    sentences = split_sentences(text)
    asked = [sentence for sentence in sentences if sentence.text.endswith("?")]
    if asked and not summarizing:
        start, end = asked[-1].start, asked[-1].start + len(asked[-1].text)
        return asked[-1].text, _kept(text[:start], text[end:])
    lead = LEAD.match(text)
    if lead and WORKS_ON_TEXT.match(text):
        end = max(lead.end("lead"), lead.end("line"))
        return text[:end].strip(), _kept(text[end:])
    if len(sentences) > 1 and SUMMARY.search(sentences[0].text):
        return text[: sentences[1].start].strip(), _kept(text[sentences[1].start :])
    return ("", [text]) if summarizing and len(sentences) > 1 else (text.strip(), [])


def _kept(*texts: str) -> list[str]:
    return [text for text in texts if re.search(r"\w", text)]


def _texts(messages: Iterable[Message]) -> Iterator[str]:
    for message in messages:
        value = read_json(message.text)
        if isinstance(value, dict) and _is_short(result := value.get("result")):
            yield str(result)
            value = {name: part for name, part in value.items() if name != "result"}
        yield from _kept(message.text) if value is None else _told(value)


def _told(value: object) -> Iterator[str]:
    """The texts of a result: what stands beside a text further down, as its page, says nothing of its own."""
    if not isinstance(value, dict):
        yield from flatten(value, described=False)
        return
    yield from flatten({name: part for name, part in value.items() if _is_short(part)})
    for part in value.values():
        yield from () if _is_short(part) else flatten(part, described=False)


def flatten(value: object, *, described: bool = True) -> Iterator[str]:
    """The texts in a JSON value; the short values of an object make one sentence of `key: value` pairs.

    If it is not `described`, what stands beside a text says nothing of its own.
    """
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        short = [part for part in value if _is_short(part)]
        if short:
            yield ", ".join(str(part) for part in short)
        for part in value:
            yield from flatten(part, described=described) if not _is_short(part) else ()
    elif isinstance(value, dict):
        pairs = [f"{key.replace('_', ' ')}: {part}" for key, part in value.items() if _is_short(part)]
        if pairs and (described or len(pairs) == len(value)):
            yield ", ".join(pairs)
        for part in value.values():
            yield from flatten(part, described=described) if not _is_short(part) else ()


def _is_short(value: object) -> bool:
    if isinstance(value, str):
        return len(value.split()) < ENOUGH_FOR_A_TEXT
    return isinstance(value, int | float)


def _facts(system: Sequence[str]) -> list[str]:
    """The system's sentences that state something, not those that tell the model what to do."""
    found: list[str] = []
    for text in system:
        stated = [sentence.text for sentence in split_sentences(text) if not ADDRESSED.match(sentence.text)]
        found.extend(sentence for sentence in stated if len(sentence.split()) >= ENOUGH_FOR_A_TEXT)
    return found
