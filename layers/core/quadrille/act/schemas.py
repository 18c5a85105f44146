"""Arguments against a JSON schema somebody else wrote: a check that tells a model what to mend, and fetches nothing."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from quadrille.act.tooling import complaint, unknown
from quadrille.errors import Invalid

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_CHARACTERS = 8_000
_REFERENCES = 30  # which may lead to others: what is checked can double with each
_SHOWN = 200  # characters of what is allowed
_OPEN = ("additionalProperties", "unevaluatedProperties", "patternProperties", "$ref", "allOf", "anyOf", "oneOf")


def closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of an object, closed: without a word about others, there are no arguments but those it names."""
    names = {"type": "object", "properties": {}} | dict(schema)
    return names if any(word in schema for word in _OPEN) else names | {"additionalProperties": False}


def checker(schema: Mapping[str, Any], *, patterns: bool = True) -> Callable[[Any], Any]:
    """What checks arguments and gives them back, or raises `Invalid` with what is wrong with which.

    Without `patterns` regular expressions are left out: one can be made to run for ever. Raises `Invalid` for a schema
    that is none, or too large.
    """
    from jsonschema import Draft202012Validator, SchemaError, validators
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    _judge_size(schema)
    kind = Draft202012Validator
    if not patterns:
        kind = validators.extend(kind, {"pattern": None, "patternProperties": None})
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        raise Invalid("schema", f"is no JSON schema: {error.message[:_SHOWN]}") from None
    validator = kind(schema, registry=Registry())  # of its own it would fetch what a schema refers to

    def check(arguments: Any) -> Any:
        try:
            problems = dict(told for error in validator.iter_errors(arguments) for told in _told(error))
        except (Unresolvable, RecursionError):
            raise Invalid("arguments", "cannot be checked: the tool's schema refers to what is not there") from None
        if problems:
            raise complaint(problems)
        return arguments

    return check


def _judge_size(schema: Mapping[str, Any]) -> None:
    text = json.dumps(schema)
    if len(text) > _CHARACTERS or text.count('"$ref"') > _REFERENCES:
        raise Invalid("schema", f"is over {_CHARACTERS} characters or {_REFERENCES} references")


def _told(error: "ValidationError") -> Iterator[tuple[str, str]]:
    """What is wrong, by the argument it is wrong with."""
    place = ".".join(map(str, error.absolute_path))
    match error.validator:
        case "required":
            yield from (
                (_in(place, name), "is missing") for name in error.validator_value if name not in error.instance
            )
        case "additionalProperties" if error.validator_value is False:
            named = error.schema.get("properties", {})
            yield from ((_in(place, name), unknown(named)) for name in error.instance if name not in named)
        case "enum" | "const" | "type" as rule:
            words = {"enum": "must be one of", "const": "must be", "type": "must be of the type"}
            yield place or "arguments", f"{words[rule]} {_allowed(error.validator_value)}"
        case rule:
            yield place or "arguments", f"does not fit {rule!r}: {_allowed(error.validator_value)}"


def _in(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _allowed(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:_SHOWN]
