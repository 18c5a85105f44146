"""JSON Schema, as far as structured output needs it: resolving references and finding what a value breaks.
Unknown keywords are ignored, as the standard says."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time
from ipaddress import IPv4Address, IPv6Address
from math import isclose
from uuid import UUID

from local.models.errors import ApiError, invalid
from local.models.fields import JsonObject

MOST_REFERENCES = 32  # that lead from one to the next without a schema between them

PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "number": (int, float),
    "integer": (int, float),
}
FORMATS: dict[str, Callable[[str], bool]] = {
    "date-time": lambda text: datetime.fromisoformat(text).tzinfo is not None and "T" in text.upper(),
    "date": lambda text: len(text) == 10 and bool(date.fromisoformat(text)),
    "time": lambda text: time.fromisoformat(text) is not None,
    "duration": lambda text: re.fullmatch(r"P(?=.)(\d+[YMWD])*(T(?=.)(\d+[HMS])*)?", text) is not None,
    "email": lambda text: re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text) is not None,
    "hostname": lambda text: re.fullmatch(r"[a-zA-Z0-9-]{1,63}(\.[a-zA-Z0-9-]{1,63})*", text) is not None,
    "uri": lambda text: re.fullmatch(r"[a-z][a-z0-9+.-]*:\S+", text) is not None,
    "ipv4": lambda text: bool(str(IPv4Address(text))),
    "ipv6": lambda text: bool(str(IPv6Address(text))),
    "uuid": lambda text: str(UUID(text)) == text.lower(),
}


def resolve(schema: object, root: JsonObject) -> JsonObject:
    """The schema with its reference followed and its `allOf` merged in. Raises ApiError 400 when neither can be."""
    for _ in range(MOST_REFERENCES):
        if schema is True:
            return {}
        if not isinstance(schema, dict):
            raise unfillable("a schema must be an object")
        if "$ref" in schema:
            beside = {name: value for name, value in schema.items() if name != "$ref"}
            schema = {**_look_up(schema["$ref"], root), **beside}
        elif "allOf" in schema:
            schema = _merge_all(schema, root)
        else:
            return schema
    raise unfillable("a reference leads back to itself")


def unfillable(reason: str) -> ApiError:
    return invalid(f"Invalid schema: {reason}.", "response_format", "invalid_schema")


def _look_up(reference: object, root: JsonObject) -> JsonObject:
    target: object = root
    if not isinstance(reference, str) or not reference.startswith("#"):
        raise unfillable(f"reference {reference!r} is outside the schema")
    for step in reference.removeprefix("#").strip("/").split("/") if reference != "#" else ():
        name = step.replace("~1", "/").replace("~0", "~")
        target = target.get(name) if isinstance(target, dict) else None
    if not isinstance(target, dict):
        raise unfillable(f"reference {reference!r} leads nowhere")
    return target


def _merge_all(schema: JsonObject, root: JsonObject) -> JsonObject:
    merged: JsonObject = {name: value for name, value in schema.items() if name != "allOf"}
    for part in as_list(schema["allOf"]):
        for name, value in resolve(part, root).items():
            merged[name] = _merge(merged[name], value) if name in merged else value
    return merged


def _merge(one: object, other: object) -> object:
    if isinstance(one, dict) and isinstance(other, dict):
        return {**one, **other}
    if isinstance(one, list) and isinstance(other, list):
        return [*one, *(item for item in other if item not in one)]
    return other


def as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def required_names(schema: JsonObject) -> list[str]:
    return [name for name in as_list(schema.get("required")) if isinstance(name, str)]


def as_map(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


def as_number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def types_of(schema: JsonObject) -> list[str]:
    """The types a schema allows by `type`; empty when it does not say."""
    kind = schema.get("type")
    return [kind] if isinstance(kind, str) else [str(each) for each in as_list(kind)]


def is_valid(value: object, schema: object, root: JsonObject) -> bool:
    return next(violations(value, schema, root), None) is None


def violations(value: object, schema: object, root: JsonObject, place: str = "$") -> Iterator[str]:
    """What `value` breaks, each as `<place>: <rule>`; nothing when it is valid."""
    if schema is False:
        yield f"{place}: nothing is allowed here"
        return
    schema = resolve(schema, root)
    kinds = types_of(schema)
    if kinds and not any(_has_type(value, kind) for kind in kinds):
        yield f"{place}: not of type {' or '.join(kinds)}"
        return
    for broken in _broken_keywords(value, schema, root):
        yield f"{place}: {broken}"
    if isinstance(value, dict):
        yield from _object_violations(value, schema, root, place)
    elif isinstance(value, list):
        yield from _array_violations(value, schema, root, place)


def _has_type(value: object, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, PYTHON_TYPES.get(kind, ()))


def _same(one: object, other: object) -> bool:
    """Equality as JSON sees it: true is not 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _broken_keywords(value: object, schema: JsonObject, root: JsonObject) -> Iterator[str]:
    if "const" in schema and not _same(value, schema["const"]):
        yield "not the constant"
    if "enum" in schema and not any(_same(value, option) for option in as_list(schema["enum"])):
        yield "not in the enumeration"
    if "anyOf" in schema and not any(is_valid(value, part, root) for part in as_list(schema["anyOf"])):
        yield "fits none of anyOf"
    if "oneOf" in schema and sum(is_valid(value, part, root) for part in as_list(schema["oneOf"])) != 1:
        yield "does not fit exactly one of oneOf"
    if "not" in schema and is_valid(value, schema["not"], root):
        yield "fits what it must not"
    if isinstance(value, str):
        yield from _broken_string_rules(value, schema)
    elif (number := as_number(value)) is not None:
        yield from _broken_number_rules(number, schema)


def _broken_string_rules(value: str, schema: JsonObject) -> Iterator[str]:
    if len(value) < (as_number(schema.get("minLength")) or 0):
        yield "too short"
    most = as_number(schema.get("maxLength"))
    if most is not None and len(value) > most:
        yield "too long"
    if isinstance(pattern := schema.get("pattern"), str) and not compiled(pattern).search(value):
        yield "does not match the pattern"
    if not has_format(value, str(schema.get("format"))):
        yield "not of the format"


def compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise unfillable(f"pattern {pattern!r} is not a regular expression") from error


def has_format(value: str, name: str) -> bool:
    """Whether `value` is of the named format; every text is of an unknown one."""
    if name not in FORMATS:
        return True
    try:
        return FORMATS[name](value)
    except ValueError:
        return False


def _broken_number_rules(value: float, schema: JsonObject) -> Iterator[str]:
    limits = {
        name: as_number(schema.get(name)) for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
    }
    if limits["minimum"] is not None and value < limits["minimum"]:
        yield "below the minimum"
    if limits["maximum"] is not None and value > limits["maximum"]:
        yield "above the maximum"
    if limits["exclusiveMinimum"] is not None and value <= limits["exclusiveMinimum"]:
        yield "not above the exclusive minimum"
    if limits["exclusiveMaximum"] is not None and value >= limits["exclusiveMaximum"]:
        yield "not below the exclusive maximum"
    step = as_number(schema.get("multipleOf"))
    if step and not isclose(value / step, round(value / step), abs_tol=1e-9):
        yield "not a multiple"


def _object_violations(value: JsonObject, schema: JsonObject, root: JsonObject, place: str) -> Iterator[str]:
    properties = as_map(schema.get("properties"))
    extra = schema.get("additionalProperties", True)
    yield from (f"{place}: {name} is missing" for name in required_names(schema) if name not in value)
    for name, item in value.items():
        if name in properties:
            yield from violations(item, properties[name], root, f"{place}.{name}")
        elif extra is not True:
            yield from violations(item, extra, root, f"{place}.{name}")


def _array_violations(value: Sequence[object], schema: JsonObject, root: JsonObject, place: str) -> Iterator[str]:
    if len(value) < (as_number(schema.get("minItems")) or 0):
        yield f"{place}: too few items"
    most = as_number(schema.get("maxItems"))
    if most is not None and len(value) > most:
        yield f"{place}: too many items"
    if schema.get("uniqueItems") is True and any(
        _same(item, value[at]) for i, item in enumerate(value) for at in range(i)
    ):
        yield f"{place}: items repeat"
    fixed = as_list(schema.get("prefixItems"))
    for at, item in enumerate(value):
        part = fixed[at] if at < len(fixed) else schema.get("items", True)
        yield from violations(item, part, root, f"{place}[{at}]")
