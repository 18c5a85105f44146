"""Pinecone's metadata filter language, compiled to a predicate over the metadata of one record.
Reference: https://docs.pinecone.io/guides/search/filter-by-metadata"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import ge, gt, le, lt
from typing import Any, TypeAlias

import orjson

from local.vectors.errors import InvalidArgumentError
from local.vectors.records import Metadata

Predicate: TypeAlias = Callable[[Metadata], bool]

RANGES: dict[str, Callable[[float, float], bool]] = {"$gt": gt, "$gte": ge, "$lt": lt, "$lte": le}


@dataclass(frozen=True, slots=True)
class Filter:
    """A compiled filter. Filters with the same key match the same records."""

    key: bytes
    matches: Predicate


def compile_filter(raw: object) -> Filter | None:
    """The filter of a request, None where it has none or an empty one. Raises InvalidArgumentError."""
    if raw is None or raw == {}:
        return None
    return Filter(orjson.dumps(raw, option=orjson.OPT_SORT_KEYS), _expression(raw))


def _expression(raw: object) -> Predicate:
    """{field: condition, ...} and {"$and" | "$or": [expressions]}; several keys are joined by and."""
    if not isinstance(raw, dict) or not raw:
        raise InvalidArgumentError(f"Invalid filter: expected an object with at least one condition, got {_show(raw)}")
    return _every([_clause(key, value) for key, value in raw.items()])


def _clause(key: str, value: object) -> Predicate:
    if key in ("$and", "$or"):
        if not isinstance(value, list) or not value:
            raise InvalidArgumentError(f"Invalid filter: {key} takes a list of at least one expression")
        parts = [_expression(item) for item in value]
        return _every(parts) if key == "$and" else _some(parts)
    if key.startswith("$"):
        raise InvalidArgumentError(f"Invalid filter: {key} is not allowed here, only $and and $or are")
    return _condition(key, value)


def _condition(field: str, value: object) -> Predicate:
    if not isinstance(value, dict):
        return _equals(field, "$eq", value)
    if not value:
        raise InvalidArgumentError(f"Invalid filter: the condition on '{field}' is empty")
    return _every([_comparison(field, operator, operand) for operator, operand in value.items()])


def _comparison(field: str, operator: str, operand: object) -> Predicate:
    if operator == "$eq":
        return _equals(field, operator, operand)
    if operator == "$ne":
        return _negate(_equals(field, operator, operand))
    if operator == "$in":
        return _contained(field, operator, operand)
    if operator == "$nin":
        return _negate(_contained(field, operator, operand))
    if operator in RANGES:
        return _range(field, operator, operand)
    if operator == "$exists":
        return _exists(field, operand)
    raise InvalidArgumentError(f"Invalid filter: unknown operator {_show(operator)} on '{field}'")


def _equals(field: str, operator: str, operand: object) -> Predicate:
    return _any_of(field, {_scalar(operator, operand)})


def _contained(field: str, operator: str, operand: object) -> Predicate:
    if not isinstance(operand, list):
        raise InvalidArgumentError(f"Invalid filter: {operator} takes a list, got {_show(operand)}")
    return _any_of(field, {_scalar(operator, item) for item in operand})


def _any_of(field: str, wanted: set[tuple[bool, Any]]) -> Predicate:
    """True where the value is wanted or, for a list, one of its items is. A missing field matches nothing,
    and therefore passes the negations $ne and $nin."""

    def matches(metadata: Metadata) -> bool:
        value = metadata.get(field)
        if isinstance(value, list):
            return any((False, item) in wanted for item in value)
        return (isinstance(value, bool), value) in wanted

    return matches


def _scalar(operator: str, operand: object) -> tuple[bool, Any]:
    """A comparable form that keeps True and 1 apart, which Python takes for equal."""
    if not isinstance(operand, str | int | float | bool):
        raise InvalidArgumentError(
            f"Invalid filter: {operator} takes a string, number or boolean, got {_show(operand)}"
        )
    return isinstance(operand, bool), operand


def _range(field: str, operator: str, operand: object) -> Predicate:
    if isinstance(operand, bool) or not isinstance(operand, int | float):
        raise InvalidArgumentError(f"Invalid filter: {operator} takes a number, got {_show(operand)}")
    compare, limit = RANGES[operator], float(operand)

    def matches(metadata: Metadata) -> bool:
        value = metadata.get(field)
        return isinstance(value, float) and compare(value, limit)

    return matches


def _exists(field: str, operand: object) -> Predicate:
    if not isinstance(operand, bool):
        raise InvalidArgumentError(f"Invalid filter: $exists takes a boolean, got {_show(operand)}")
    return lambda metadata: (field in metadata) == operand


def _every(parts: Iterable[Predicate]) -> Predicate:
    first, *rest = parts
    if not rest:
        return first
    return lambda metadata: first(metadata) and all(part(metadata) for part in rest)


def _some(parts: list[Predicate]) -> Predicate:
    return lambda metadata: any(part(metadata) for part in parts)


def _negate(part: Predicate) -> Predicate:
    return lambda metadata: not part(metadata)


def _show(raw: object) -> str:
    return orjson.dumps(raw).decode()[:100]
