"""Which events a rule wants: a pattern as EventBridge has it, matched against an event's type, subject and data.

`{"type": ["DocumentIndexed"], "data": {"filename": [{"suffix": ".pdf"}], "pages": [{"numeric": [">", 10]}]}}` wants
indexed PDF files of more than ten pages. All fields must match; of a field, one of the list.
"""

import math
import operator
from collections.abc import Mapping
from typing import Any

from quadrille.errors import Invalid

_COMPARE = {"<": operator.lt, "<=": operator.le, "=": operator.eq, ">=": operator.ge, ">": operator.gt}
_DEPTH = 5
_NUMBER = (int, float)


def check(pattern: Mapping[str, Any], *, field: str = "pattern", depth: int = 0) -> None:
    """Raises `Invalid` for what is no pattern, and names the place."""
    if not pattern or depth > _DEPTH:
        raise Invalid(field, f"must name at least one field, and nest at most {_DEPTH} deep")
    for name, wanted in pattern.items():
        at = f"{field}.{name}"
        if isinstance(wanted, Mapping):
            check(wanted, field=at, depth=depth + 1)
        elif not isinstance(wanted, list) or not wanted:
            raise Invalid(at, "must be a list of values, of which one must match, or an object of fields")
        else:
            for test in wanted:
                _check_test(test, at)


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether an event is as a checked pattern wants it."""
    return all(_field(wanted, event.get(name)) for name, wanted in pattern.items())


def _field(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(value, Mapping) and matches(wanted, value)
    values = value if isinstance(value, list) else [value]
    return any(_passes(test, each) for test in wanted for each in values)


def _passes(test: Any, value: Any) -> bool:
    match test:
        case {"prefix": str(start)}:
            return isinstance(value, str) and value.startswith(start)
        case {"suffix": str(end)}:
            return isinstance(value, str) and value.endswith(end)
        case {"anything-but": but}:
            return value not in (but if isinstance(but, list) else [but])
        case {"exists": bool(there)}:
            return (value is not None) is there
        case {"numeric": [*pairs]}:
            return isinstance(value, _NUMBER) and all(
                _COMPARE[sign](value, limit) for sign, limit in zip(pairs[::2], pairs[1::2], strict=True)
            )
    return type(test) is type(value) and bool(test == value)


def _is_finite(value: Any) -> bool:
    """Whether it is a number that JSON has."""
    return isinstance(value, _NUMBER) and -math.inf < value < math.inf


def _check_test(test: Any, at: str) -> None:
    match test:
        case {"numeric": [*pairs]} if (
            len(test) == 1
            and pairs
            and len(pairs) % 2 == 0
            and all(sign in _COMPARE for sign in pairs[::2] if isinstance(sign, str))
            and all(isinstance(sign, str) for sign in pairs[::2])
            and all(_is_finite(limit) for limit in pairs[1::2])
        ):
            return
        case {"prefix": str()} | {"suffix": str()} | {"exists": bool()} | {"anything-but": _} if len(test) == 1:
            return
        case str() | bool() | None:
            return
        case int() | float() if _is_finite(test):
            return
    tests = 'prefix, suffix, anything-but, exists, or numeric such as {"numeric": [">", 10]}'
    raise Invalid(at, f"{test!r:.100} is neither a value nor one of the tests {tests}")
