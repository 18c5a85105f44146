"""What a tool is: a function with a model of its arguments, out of which comes all that a model is told of it."""

import importlib
import inspect
import json
import math
import pkgutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from quadrille.calls import Payer
from quadrille.config import settings
from quadrille.errors import Invalid
from quadrille.receipts import Receipt

if TYPE_CHECKING:
    from quadrille.act.fetching import Fetcher
    from quadrille.ask.retrieval import Retriever
    from quadrille.blobs import Blobs
    from quadrille.documents import Documents
    from quadrille.llm import Models
    from quadrille.mail import Mail
    from quadrille.outbox import Outbox
    from quadrille.steps import Steps
    from quadrille.vectors import Vectors

A = TypeVar("A", bound="Arguments")
_COMPLAINTS = 5  # that a model is told at once


class Arguments(BaseModel):
    """The arguments of a tool. Types are those of JSON: a number in quotes is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


@dataclass(frozen=True, slots=True)
class Use:
    """The call a tool runs for; nothing of it comes from the model.

    `key` is the same for every attempt at this call: it is what makes an effect happen once. `hops` counts the events
    that led to the task.
    """

    tenant: str
    task_id: str
    key: str
    collection: str
    payer: Payer
    hops: int = 0


@dataclass(frozen=True, slots=True)
class Observation:
    """What a tool gives: a text for the model, what it cost, and a fact that is to stay in the context.

    `sources` are the document versions it draws on, as `<document_id>/<version>`.
    """

    text: str
    spent: Receipt = field(default_factory=Receipt)
    pinned: str = ""
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Workbench:
    """What tools work with, each made when it is asked for. A text given at once has `characters` at most."""

    retriever: "Callable[[], Retriever]"
    documents: "Callable[[], Documents]"
    blobs: "Callable[[], Blobs]"
    models: "Callable[[], Models]"
    vectors: "Callable[[], Vectors]"
    outbox: "Callable[[], Outbox]"
    mail: "Callable[[], Mail]"
    fetcher: "Callable[[], Fetcher]"
    steps: "Callable[[], Steps]"
    characters: int
    now: Callable[[], float] = field(default=time.time)


Run = Callable[[Any, Use, Workbench], Observation]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool; `schema` is the JSON schema of its arguments.

    With `approval` it waits for a human before it runs. An `effect` is a change outside, made at most once. What is
    `untrusted` shows text others wrote. `check` gives what `run` takes out of parsed JSON, or raises `Invalid`. `needs`
    is the setting without which it is not offered. A model is not held to the schema of one that is `foreign`: it may
    say what the provider cannot enforce.
    """

    name: str
    description: str
    schema: dict[str, Any]
    approval: bool
    effect: bool
    untrusted: bool
    check: Callable[[Any], Any]
    run: Run
    needs: str = ""
    foreign: bool = False

    def parse(self, raw: str) -> Any:
        """A model's text as the JSON object it should be. Raises `Invalid` with what is wrong with it."""
        limit = settings().tool_argument_characters
        if len(raw) > limit:
            raise Invalid("arguments", f"have {len(raw)} characters; the limit is {limit}")
        try:
            arguments = json.loads(raw or "{}", parse_constant=_no_number, parse_float=_finite, object_pairs_hook=_once)
        except (ValueError, RecursionError) as error:
            raise Invalid("arguments", f"are not JSON ({error}); give one JSON object") from None
        if not isinstance(arguments, dict):
            raise Invalid("arguments", f"must be one JSON object and not {_kind(arguments)}")
        return arguments

    def public(self) -> dict[str, Any]:
        """What `GET /tools` says of it."""
        return {
            "name": self.name,
            "description": self.description,
            "schema": self.schema,
            "approval": self.approval,
            "effect": self.effect,
        }

    def offered(self) -> dict[str, Any]:
        """The same as OpenAI's `tools` takes it."""
        function = {"name": self.name, "description": self.description, "parameters": self.schema}
        return {"type": "function", "function": function | {"strict": not self.foreign and _is_strict(self.schema)}}


def tool(
    *, approval: bool = False, effect: bool = False, untrusted: bool = False, needs: str = ""
) -> Callable[[Callable[[A, Use, Workbench], Observation]], Tool]:
    """Make a tool of a function: its name is the function's, its description the docstring, its arguments' model the
    annotation of the first parameter."""

    def make(function: Callable[[A, Use, Workbench], Observation]) -> Tool:
        model: type[A] = next(iter(inspect.signature(function, eval_str=True).parameters.values())).annotation
        return Tool(
            name=function.__name__,
            description=" ".join((inspect.getdoc(function) or "").split()),
            schema=_schema(model),
            approval=approval,
            effect=effect,
            untrusted=untrusted,
            check=lambda arguments: _checked(model, arguments),
            run=function,
            needs=needs,
        )

    return make


def built_in() -> dict[str, Tool]:
    """The tools of every module of `quadrille.act.tools`, by name, without those whose setting is empty."""
    from quadrille.act import tools

    modules = [
        importlib.import_module(f"{tools.__name__}.{found.name}") for found in pkgutil.iter_modules(tools.__path__)
    ]
    made = [value for module in modules for value in vars(module).values() if isinstance(value, Tool)]
    return {tool.name: tool for tool in made if not tool.needs or getattr(settings(), tool.needs)}


def complaint(problems: Mapping[str, str]) -> Invalid:
    """What is wrong with arguments, by where, in one error a model can mend them by."""
    (first, reason), *others = list(problems.items())[:_COMPLAINTS]
    more = len(problems) - _COMPLAINTS
    also = [f"{place}: {what}" for place, what in others] + ([f"and {more} more"] if more > 0 else [])
    return Invalid(first, "; ".join([reason, *also]))


def unknown(allowed: Mapping[str, Any]) -> str:
    """What to say of an argument that is none."""
    names = ", ".join(allowed) or "none, so give {}"
    return f"is no argument of this tool; allowed: {names}"


def _checked(model: type[A], arguments: Any) -> A:
    try:
        return model.model_validate_json(json.dumps(arguments))
    except ValidationError as error:
        raise complaint({_place(item): _reason(item, model) for item in error.errors()}) from None


def _place(item: Any) -> str:
    return ".".join(map(str, item["loc"])) or "arguments"


def _reason(item: Any, model: type[BaseModel]) -> str:
    if item["type"] == "extra_forbidden" and len(item["loc"]) == 1:
        return unknown(model.model_fields)
    return "is missing" if item["type"] == "missing" else str(item["msg"])


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    """A model's JSON schema in OpenAI's strict manner: without titles and defaults, and every property required."""
    schema: dict[str, Any] = _tidied(model.model_json_schema())
    schema.pop("description", None)  # of the class, for its readers
    return schema


def _tidied(node: Any) -> Any:
    if isinstance(node, list):
        return [_tidied(item) for item in node]
    if not isinstance(node, dict):
        return node
    tidy = {name: _tidied(value) for name, value in node.items() if name not in ("title", "default", "properties")}
    if "properties" in node:
        properties = {name: _tidied(value) for name, value in node["properties"].items()}
        tidy |= {"properties": properties, "required": list(properties)}
    return tidy


def _is_strict(node: Any) -> bool:
    """Whether every object in a schema has named properties only, and requires all of them."""
    if isinstance(node, list):
        return all(map(_is_strict, node))
    if not isinstance(node, dict):
        return True
    if node.get("type") == "object" and (
        node.get("additionalProperties") is not False
        or set(node.get("required", [])) != set(node.get("properties", []))
    ):
        return False
    return all(map(_is_strict, node.values()))


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits[:20]} is too large")
    return number


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuses a name that stands twice: whoever approves a call must see what is done."""
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a name stands twice in an object")
    return found


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "null")
