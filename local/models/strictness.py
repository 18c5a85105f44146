"""OpenAI's rules for the schema of a strict response format or tool.
The hosted API refuses a schema that breaks them, so the offline one must, or the mistake shows only in production."""

from collections.abc import Iterator, Mapping

from local.models.errors import invalid
from local.models.fields import JsonObject

NESTED_LISTS = ("anyOf", "prefixItems")
NESTED_MAPS = ("properties", "$defs", "definitions")
UNSUPPORTED = (
    "allOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
)
INVALID_FUNCTION = "invalid_function_parameters"

Place = tuple[str, ...]


def check_strict_schema(schema: JsonObject, owner: str, param: str) -> None:
    """Raises ApiError 400 naming the first place that breaks a rule."""
    broken = next(_broken_rules(schema), None)
    if broken is not None:
        place, rule = broken
        code = INVALID_FUNCTION if owner.startswith("function") else None
        raise invalid(f"Invalid schema for {owner}: In context={place!r}, {rule}", param, code)


def _broken_rules(schema: JsonObject) -> Iterator[tuple[Place, str]]:
    if schema.get("type") != "object":
        yield (), "schema must be a JSON Schema of 'type: \"object\"', and its root must not be 'anyOf'."
    for place, part in _parts(schema, ()):
        yield from ((place, rule) for rule in _object_rules(part))
        yield from ((place, f"'{keyword}' is not permitted.") for keyword in UNSUPPORTED if keyword in part)


def _object_rules(schema: Mapping[str, object]) -> Iterator[str]:
    kind = schema.get("type")
    if kind != "object" and not (isinstance(kind, list) and "object" in kind):
        return
    if schema.get("additionalProperties") is not False:
        yield "'additionalProperties' is required to be supplied and to be false."
    properties, required = schema.get("properties") or {}, schema.get("required") or []
    if isinstance(properties, dict) and isinstance(required, list):
        missing = [name for name in properties if name not in required]
        if missing:
            wanted = "'required' is required to be supplied and to be an array including every key in properties."
            yield f"{wanted} Missing '{missing[0]}'."


def _parts(schema: object, place: Place) -> Iterator[tuple[Place, JsonObject]]:
    if not isinstance(schema, dict):
        return
    yield place, schema
    for keyword in NESTED_MAPS:
        named = schema.get(keyword)
        for name, part in named.items() if isinstance(named, dict) else ():
            yield from _parts(part, (*place, keyword, name))
    for keyword in NESTED_LISTS:
        listed = schema.get(keyword)
        for at, part in enumerate(listed) if isinstance(listed, list) else ():
            yield from _parts(part, (*place, keyword, str(at)))
    yield from _parts(schema.get("items"), (*place, "items"))
