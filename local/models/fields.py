"""Typed reading of a JSON object, refusing what does not fit in the words and codes of the hosted API.
`path` is the place of the object in the body, for `param`: empty for the body itself, else such as `messages[0]`."""

from collections.abc import Collection
from dataclasses import dataclass

from local.models.errors import ApiError, invalid

JsonObject = dict[str, object]

NAMES = {str: "a string", bool: "a boolean", int: "an integer", float: "a decimal", list: "an array", dict: "an object"}


def name_type(value: object) -> str:
    return "null" if value is None else NAMES.get(type(value), "a value")


def wrong_type(param: str, expected: str, value: object) -> ApiError:
    got = name_type(value)
    return invalid(f"Invalid type for '{param}': expected {expected}, but got {got} instead.", param, "invalid_type")


@dataclass(frozen=True, slots=True)
class Fields:
    """The members of one JSON object. Null counts as absent, as it does for the hosted API."""

    values: JsonObject
    path: str = ""

    def param(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def has(self, name: str) -> bool:
        return self.values.get(name) is not None

    def refuse_unknown(self, known: Collection[str]) -> None:
        for name in self.values:
            if name not in known:
                raise invalid(f"Unknown parameter: '{self.param(name)}'.", self.param(name), "unknown_parameter")

    def required(self, name: str) -> object:
        if not self.has(name):
            param = self.param(name)
            raise invalid(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")
        return self.values[name]

    def string(self, name: str) -> str:
        value = self.required(name)
        if not isinstance(value, str):
            raise wrong_type(self.param(name), "a string", value)
        return value

    def optional_string(self, name: str) -> str | None:
        return self.string(name) if self.has(name) else None

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.values.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise wrong_type(self.param(name), "a boolean", value)
        return value

    def optional_integer(self, name: str, least: int, most: int | None = None) -> int | None:
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            raise wrong_type(self.param(name), "an integer", value)
        self._check_bounds(name, "integer", value, least, most)
        return value

    def optional_decimal(self, name: str, least: float, most: float) -> float | None:
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise wrong_type(self.param(name), "a decimal", value)
        self._check_bounds(name, "decimal", value, least, most)
        return float(value)

    def _check_bounds(self, name: str, kind: str, value: float, least: float, most: float | None) -> None:
        param = self.param(name)
        if value < least:
            detail = f"{kind} below minimum value. Expected a value >= {least}, but got {value} instead."
            raise invalid(f"Invalid '{param}': {detail}", param, f"{kind}_below_min_value")
        if most is not None and value > most:
            detail = f"{kind} above maximum value. Expected a value <= {most}, but got {value} instead."
            raise invalid(f"Invalid '{param}': {detail}", param, f"{kind}_above_max_value")

    def choice(self, name: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        if default is not None and not self.has(name):
            return default
        value = self.string(name)
        if value not in allowed:
            supported = ", ".join(f"'{option}'" for option in allowed)
            message = f"Invalid value: '{value}'. Supported values are: {supported}."
            raise invalid(message, self.param(name), "invalid_value")
        return value

    def array(self, name: str) -> list[object]:
        value = self.required(name)
        if not isinstance(value, list):
            raise wrong_type(self.param(name), "an array", value)
        return value

    def fields(self, name: str) -> "Fields":
        return Fields(as_object(self.required(name), self.param(name)), self.param(name))

    def each(self, name: str) -> "list[Fields]":
        """The elements of an array of objects."""
        places = [(value, f"{self.param(name)}[{at}]") for at, value in enumerate(self.array(name))]
        return [Fields(as_object(value, place), place) for value, place in places]


def as_object(value: object, param: str) -> JsonObject:
    if not isinstance(value, dict):
        raise wrong_type(param, "an object", value)
    return value
