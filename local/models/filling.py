"""A value for any JSON schema, its leaves asked from someone who knows: the material, or a user's request.
The shape comes from the schema alone, so whatever is known or not, the value validates; else the schema is refused."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from local.models.fields import JsonObject
from local.models.schemas import (
    as_list,
    as_map,
    as_number,
    compiled,
    has_format,
    is_valid,
    required_names,
    resolve,
    types_of,
    unfillable,
)

DEEPEST, DEEPEST_OPTIONAL = 40, 6  # levels: beyond the second whatever may be left out is, so that recursion ends
STRUCTURE = (("properties", "object"), ("items", "array"), ("prefixItems", "array"))
FORMAT_EXAMPLES = {
    "date-time": "1970-01-01T00:00:00Z",
    "date": "1970-01-01",
    "time": "00:00:00Z",
    "duration": "PT0S",
    "email": "nobody@example.com",
    "hostname": "example.com",
    "uri": "https://example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-0000-0000-000000000000",
}
PATTERN_EXAMPLES = (
    "",
    "0",
    "1",
    "00",
    "000",
    "0000",
    "a",
    "A",
    "aa",
    "abc",
    "ABC",
    "A1",
    "a-1",
    "ABC-123",
    "1970-01-01",
    "1.0",
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A place in the value: the property's name (an array's items bear the array's), and which item it is."""

    name: str
    schema: JsonObject
    item: int = 0
    depth: int = 0
    path: tuple[str, ...] = ()


class Knowledge(Protocol):
    """What fills the leaves. None means that nothing is known."""

    def text(self, leaf: Leaf) -> str | None: ...

    def texts_matching(self, leaf: Leaf) -> Iterator[str]:
        """Other texts worth trying when a format or pattern refuses the first."""
        ...

    def number(self, leaf: Leaf) -> float | None: ...

    def truth(self, leaf: Leaf) -> bool: ...

    def label(self, leaf: Leaf, options: Sequence[str]) -> int:
        """The index of the option that fits best."""
        ...

    def count(self, leaf: Leaf) -> int:
        """How many items an array should have."""
        ...

    def wants(self, leaf: Leaf) -> bool:
        """Whether to give a property that may be left out."""
        ...


def fill(schema: JsonObject, knowledge: Knowledge, given: Mapping[str, object] | None = None) -> object:
    """A valid value; a property of the root in `given` is taken from there if it fits. Raises ApiError 400."""
    filler = _Filler(schema, knowledge)
    value = filler.fill(schema, Leaf("", schema))
    if isinstance(value, dict):
        value = filler.adopt(value, given or {})
    if not is_valid(value, schema, schema):
        raise unfillable("it uses rules the offline model cannot satisfy")
    return value


@dataclass(frozen=True, slots=True)
class _Filler:
    root: JsonObject
    knowledge: Knowledge

    def adopt(self, value: JsonObject, given: Mapping[str, object]) -> JsonObject:
        properties = as_map(resolve(self.root, self.root).get("properties"))
        fitting = {
            name: known
            for name, known in given.items()
            if name in properties and is_valid(known, properties[name], self.root)
        }
        return {**value, **fitting}

    def fill(self, raw: object, leaf: Leaf) -> object:
        if leaf.depth > DEEPEST:
            raise unfillable("it is nested too deeply")
        schema = resolve(raw, self.root)
        leaf = replace(leaf, schema=schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._option(as_list(schema["enum"]), leaf)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return self._branch(as_list(schema[keyword]), leaf)
        return self._typed(leaf)

    def _option(self, options: Sequence[object], leaf: Leaf) -> object:
        fitting = [option for option in options if not types_of(leaf.schema) or self._allows(option, leaf.schema)]
        if not fitting:
            raise unfillable("an enumeration has no value of its type")
        labels = [option for option in fitting if isinstance(option, str)]
        return labels[self.knowledge.label(leaf, labels)] if labels else fitting[0]

    def _allows(self, value: object, schema: JsonObject) -> bool:
        return is_valid(value, {"type": schema["type"]}, self.root)

    def _branch(self, options: Sequence[object], leaf: Leaf) -> object:
        """The first branch that can be filled: the one most alike first, and null last; deep down the simplest."""
        resolved = [resolve(option, self.root) for option in options]
        order = self._by_likeness([branch for branch in resolved if types_of(branch) != ["null"]], leaf)
        null = [branch for branch in resolved if types_of(branch) == ["null"]]
        if leaf.depth > DEEPEST_OPTIONAL:
            branches = [*null, *sorted(order, key=lambda branch: len(list(_describe(branch))))]
        else:
            branches = [*null, *order] if null and self._is_unknown(order, leaf) else [*order, *null]
        beside = {name: value for name, value in leaf.schema.items() if name not in ("anyOf", "oneOf")}
        for branch in branches:
            value = self.fill({**beside, **branch}, replace(leaf, depth=leaf.depth + 1))
            if is_valid(value, leaf.schema, self.root):
                return value
        raise unfillable("no branch of a union can be filled")

    def _by_likeness(self, branches: list[JsonObject], leaf: Leaf) -> list[JsonObject]:
        if len(branches) < 2:
            return branches
        best = self.knowledge.label(leaf, [" ".join(_describe(branch)) for branch in branches])
        return [branches[best], *branches[:best], *branches[best + 1 :]]

    def _is_unknown(self, branches: Sequence[JsonObject], leaf: Leaf) -> bool:
        """Whether a value that may be null had better be: nothing is known for any other type."""
        kinds = {kind for branch in branches for kind in types_of(branch)}
        if not kinds or not kinds <= {"string", "number", "integer"}:
            return False
        if any("enum" in branch or "const" in branch for branch in branches):
            return False
        known = self.knowledge.text(leaf) if "string" in kinds else self.knowledge.number(leaf)
        return known is None

    def _typed(self, leaf: Leaf) -> object:
        kinds = types_of(leaf.schema) or [kind for keyword, kind in STRUCTURE if keyword in leaf.schema] or ["string"]
        if len(kinds) > 1:
            return self._branch([{"type": kind} for kind in kinds], leaf)
        match kinds[0]:
            case "object":
                return self._object(leaf)
            case "array":
                return self._array(leaf)
            case "string":
                return self._string(leaf)
            case "boolean":
                return self.knowledge.truth(leaf)
            case "number" | "integer":
                return self._number(leaf, whole=kinds[0] == "integer")
            case "null":
                return None
            case other:
                raise unfillable(f"type {other!r} is unknown")

    def _object(self, leaf: Leaf) -> JsonObject:
        properties, required = as_map(leaf.schema.get("properties")), required_names(leaf.schema)
        extra = leaf.schema.get("additionalProperties", True)
        places = {name: self._inner(name, part, leaf) for name, part in properties.items()}
        places |= {name: self._inner(name, extra, leaf) for name in required if name not in properties}
        return {
            name: self.fill(place.schema, place)
            for name, place in places.items()
            if name in required or (leaf.depth < DEEPEST_OPTIONAL and self.knowledge.wants(place))
        }

    def _inner(self, name: str, schema: object, leaf: Leaf) -> Leaf:
        return Leaf(name, resolve(schema, self.root), leaf.item, leaf.depth + 1, (*leaf.path, name))

    def _array(self, leaf: Leaf) -> list[object]:
        fixed, each = as_list(leaf.schema.get("prefixItems")), leaf.schema.get("items", True)
        least = int(as_number(leaf.schema.get("minItems")) or 0)
        most = as_number(leaf.schema.get("maxItems"))
        wanted = 0 if leaf.depth > DEEPEST_OPTIONAL else max(len(fixed), self.knowledge.count(leaf))
        count = max(least, min(wanted, int(most)) if most is not None else wanted)
        parts = [*fixed[:count], *([each] * (count - len(fixed)))]
        items = [
            self.fill(part, replace(leaf, schema=resolve(part, self.root), item=at, depth=leaf.depth + 1))
            for at, part in enumerate(parts)
            if part is not False
        ]
        return _distinct(items, least) if leaf.schema.get("uniqueItems") is True else items

    def _string(self, leaf: Leaf) -> str:
        schema = {name: value for name, value in leaf.schema.items() if name != "type"}
        most = as_number(schema.get("maxLength"))
        for text in self._texts(leaf):
            cut = text[: int(most)] if most is not None else text
            padded = cut.ljust(int(as_number(schema.get("minLength")) or 0), ".")
            if is_valid(padded, schema, self.root):
                return padded
        raise unfillable(f"no text for '{leaf.name}' fits its pattern")

    def _texts(self, leaf: Leaf) -> Iterator[str]:
        known = self.knowledge.text(leaf)
        if known is not None:
            yield known
        name, pattern = str(leaf.schema.get("format")), leaf.schema.get("pattern")
        for text in self.knowledge.texts_matching(leaf) if name in FORMAT_EXAMPLES or pattern else ():
            yield from _fitting_parts(text, name, pattern)
        yield FORMAT_EXAMPLES.get(name, "")
        yield from PATTERN_EXAMPLES

    def _number(self, leaf: Leaf, *, whole: bool) -> float:
        known = self.knowledge.number(leaf)
        return clamp(known if known is not None else 0, leaf.schema, whole=whole)


def _fitting_parts(text: str, name: str, pattern: object) -> Iterator[str]:
    if isinstance(pattern, str):
        found = compiled(pattern.removeprefix("^").removesuffix("$") if "|" not in pattern else pattern).search(text)
        if found:
            yield found.group()
    if name in FORMAT_EXAMPLES:
        yield from (word for word in text.split() if has_format(word.strip("<>(),;.\"'"), name))


def _distinct(items: Sequence[object], least: int) -> list[object]:
    kept: list[object] = []
    for item in items:
        if item not in kept:
            kept.append(item)
    if len(kept) < least:
        raise unfillable("an array asks for more distinct items than there are")
    return kept


def _describe(schema: JsonObject) -> Iterator[str]:
    """The words by which one branch of a union is told from another."""
    yield from (str(schema[name]) for name in ("title", "description", "const") if name in schema)
    for name, part in as_map(schema.get("properties")).items():
        yield name
        yield from (str(value) for value in (as_map(part).get("const"), *as_list(as_map(part).get("enum"))) if value)


def clamp(value: float, schema: JsonObject, *, whole: bool) -> float:
    """The allowed number nearest to `value`. Raises ApiError 400 when the bounds leave none."""
    step = as_number(schema.get("multipleOf")) or (1 if whole else 0)
    step = max(step, 1) if whole and not float(step).is_integer() else step
    low, high = _bounds(schema, step or 1e-6)
    value = min(max(value, low), high)
    if step:
        value = round(value / step) * step
        value = value + step if value < low else value - step if value > high else value
    if not low <= value <= high:
        raise unfillable("its bounds leave no number")
    return int(value) if whole or float(value).is_integer() else value


def _bounds(schema: JsonObject, step: float) -> tuple[float, float]:
    lows = [as_number(schema.get("minimum")), _moved(schema.get("exclusiveMinimum"), step)]
    highs = [as_number(schema.get("maximum")), _moved(schema.get("exclusiveMaximum"), -step)]
    low = max((value for value in lows if value is not None), default=-math.inf)
    return low, min((value for value in highs if value is not None), default=math.inf)


def _moved(bound: object, step: float) -> float | None:
    value = as_number(bound)
    return None if value is None else value + step
