"""Which tools to call for a request, and with what: by the words the request shares with names and descriptions.
Left to choose, the model calls only what is clearly asked for; a tool that changes things must be told to."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from local.models.arguments import RequestFacts, find_formulas, has_value, is_formula, is_reference
from local.models.conversations import Conversation
from local.models.facts import MaterialFacts
from local.models.fields import JsonObject
from local.models.filling import fill
from local.models.messages import Message
from local.models.questions import Question
from local.models.schemas import as_map, required_names, resolve, types_of
from local.models.sentences import split_sentences
from local.models.tools import Tool, ToolChoice
from local.models.values import find_joined_names, is_named, split_name
from local.models.vocabulary import FUNCTION_WEIGHT, weight
from local.models.words import split_words, stem, word_set

READING = word_set("get search find look lookup fetch read query list show check retrieve calculate compute ask")
CHANGING = {
    "create": "create make open file raise add new register",
    "send": "send mail email e-mail write notify message",
    "delete": "delete remove erase drop",
    "update": "update change edit modify set correct",
    "cancel": "cancel stop abort",
    "book": "book reserve schedule",
    "post": "post publish comment",
    "write": "write save store create",
    "add": "add append insert create",
    "approve": "approve accept confirm",
    "close": "close resolve finish",
    "run": "run execute start launch",
    "assign": "assign give hand",
}
COURTESY = re.compile(r"^(?:\W|please |can you |could you |i want you to |now |then |also |and )*")
FINISHING = word_set("finish final answer done complete respond submit conclude stop")
CLEAR_NOUNS, CLEAR_WORDS, SOME_WORDS = 0.5, 0.6, 0.2  # shares of a tool's nouns, and of the request's words


@dataclass(frozen=True, slots=True)
class ToolCall:
    id: str
    name: str
    arguments: str


def choose_calls(
    choice: ToolChoice, conversation: Conversation, messages: Sequence[Message], *, parallel: bool
) -> list[ToolCall]:
    """The calls to make now, best first; none when the choice allows none and nothing is clearly asked for."""
    if choice.mode == "none" or not choice.allowed:
        return []
    tools = _choose_tools(choice, conversation, messages)
    calls = [(tool, item) for tool in tools for item in range(_times(tool, conversation.request) if parallel else 1)]
    return [_call(tool, item, conversation, messages) for tool, item in (calls if parallel else calls[:1])]


def _choose_tools(choice: ToolChoice, conversation: Conversation, messages: Sequence[Message]) -> list[Tool]:
    if choice.mode == "named":
        return choice.allowed
    used = _used_since_request(messages)
    unused = [tool for tool in choice.allowed if tool.name not in used]
    known = [tool for tool in unused if not _lacks_reference(tool, conversation.request)] or unused
    fits = [(tool, _fit(tool, _part_for(tool, conversation.request))) for tool in known]
    ranked = sorted(fits, key=lambda each: -each[1].score)
    clear = [tool for tool, fit in ranked if fit.is_clear]
    if clear or choice.mode == "auto":
        return clear
    return [_last_resort([tool for tool, _ in ranked] or choice.allowed, has_results=bool(used))]


def _last_resort(tools: Sequence[Tool], *, has_results: bool) -> Tool:
    """The tool to call when one must be: what ends the task once there are results, else the best fit."""
    ending = [tool for tool in tools if _is_ending(tool)]
    other = [tool for tool in tools if tool not in ending]
    return (ending + other if has_results else other + ending)[0]


def _lacks_reference(tool: Tool, request: str) -> bool:
    """Whether a tool must be given an id, and the request has none."""
    properties = as_map(tool.parameters.get("properties"))
    needed = [name for name in required_names(tool.parameters) if is_reference(name)]
    return any(not has_value(name, request) for name in needed if types_of(as_map(properties.get(name))) == ["string"])


def _used_since_request(messages: Sequence[Message]) -> set[str]:
    used: set[str] = set()
    for message in messages:
        used = set() if message.role == "user" else used | {call.name for call in message.calls}
    return used


@dataclass(frozen=True, slots=True)
class _Fit:
    """What a request shares with a tool: its verb, its nouns, its description, and values its arguments take."""

    verb: str | None
    says_verb: bool
    nouns: float
    words: float
    values: bool
    formula: bool

    @property
    def score(self) -> float:
        return self.nouns + self.words + self.says_verb + self.values + self.formula

    @property
    def is_clear(self) -> bool:
        if self.verb in CHANGING:
            return self.says_verb and (self.nouns >= CLEAR_NOUNS or self.words >= CLEAR_WORDS)
        if self.nouns == 1 or self.words >= CLEAR_WORDS or self.formula:
            return True
        return (self.nouns >= CLEAR_NOUNS or self.says_verb) and (self.values or self.words >= SOME_WORDS)


def _fit(tool: Tool, request: str) -> _Fit:
    asked = Question(request)
    names = split_name(tool.name)
    verb = names[0] if names and (names[0] in READING or names[0] in CHANGING) else None
    nouns = [stem(word) for word in names[1 if verb else 0 :] if weight(word) > FUNCTION_WEIGHT]
    about = {stem(word) for word in [*names, *split_words(tool.description)]}
    required = required_names(tool.parameters)
    shared = sum(value for term, value in asked.terms.items() if term in about)
    return _Fit(
        verb=verb,
        says_verb=verb is not None and _says(CHANGING.get(verb, verb).split(), request, asked, nouns),
        nouns=sum(noun in asked.stems for noun in nouns) / len(nouns) if nouns else 0.0,
        words=shared / (sum(asked.terms.values()) or 1),
        values=any(has_value(name, request) for name in required),
        formula=any(is_formula(name) for name in required) and bool(find_formulas(request)),
    )


def _says(verbs: Sequence[str], request: str, asked: Question, nouns: Sequence[str]) -> bool:
    """Whether the request says one of the verbs; what is also a noun of the tool (*email*) only where a verb stands."""
    if COURTESY.sub("", request.lower()).startswith(tuple(f"{verb} " for verb in verbs)):
        return True
    return any(stem(verb) in asked.stems for verb in verbs if stem(verb) not in nouns)


def _times(tool: Tool, request: str) -> int:
    """Once for each name enumerated when one name is all the tool requires: two cities, two calls."""
    schema = resolve(tool.parameters, tool.parameters)
    required, properties = required_names(schema), as_map(schema.get("properties"))
    if len(required) != 1 or not is_named(required[0]):
        return 1
    if types_of(as_map(properties.get(required[0]))) != ["string"]:
        return 1
    return max(1, len(find_joined_names(request)))


def _call(tool: Tool, item: int, conversation: Conversation, messages: Sequence[Message]) -> ToolCall:
    arguments = _arguments(tool, item, conversation)
    # The id follows from the conversation, so that asking again, or asking another server, gives the same call.
    seed = json.dumps([tool.name, item, arguments, [message.transcript for message in messages]])
    return ToolCall(f"call_{hashlib.sha256(seed.encode()).hexdigest()[:24]}", tool.name, arguments)


def _arguments(tool: Tool, item: int, conversation: Conversation) -> str:
    schema: JsonObject = {"type": "object", **tool.parameters}
    ending = conversation.results and _is_ending(tool)
    request = _part_for(tool, conversation.request)
    knowledge = MaterialFacts(conversation) if ending else RequestFacts(request, conversation.material, item)
    return json.dumps(fill(schema, knowledge), ensure_ascii=False)


def _part_for(tool: Tool, request: str) -> str:
    """The one sentence of the request that asks for the tool; the whole request if there is no such one."""
    clear = [sentence.text for sentence in split_sentences(request) if _fit(tool, sentence.text).is_clear]
    return clear[0] if len(clear) == 1 else request


def _is_ending(tool: Tool) -> bool:
    return not FINISHING.isdisjoint(split_name(tool.name))
