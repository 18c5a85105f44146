"""Calculating what somebody else wrote: a small grammar over Python's own parser, and nothing is run.

Numbers, results and the work between them are bounded, so no expression takes long: 9**9**9 is refused before it is
multiplied out.
"""

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from quadrille.errors import Invalid

CHARACTERS = 1_000
_BITS = 4_096  # of a whole number: over 1,200 digits
_SHOWN = 15  # significant digits of a fraction: what is beyond is noise of binary fractions

Number = int | float | bool


def evaluated(expression: str) -> str:
    """The value of an expression, as text. Raises `Invalid` for what is no arithmetic, too large or not defined."""
    try:
        value = _value(ast.parse(expression.strip(), mode="eval").body)
        return _shown(value)
    except (SyntaxError, RecursionError, MemoryError, ValueError, TypeError) as error:
        raise _invalid(f"is no arithmetic ({error})") from None
    except ZeroDivisionError:
        raise _invalid("divides by zero") from None
    except OverflowError:
        raise _invalid("has a result that is too large") from None


def _value(node: ast.expr) -> Number:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return _bounded(number)
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _SIGNS:
            return _bounded(_SIGNS[type(op)](_value(operand)))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _bounded(_OPERATORS[type(op)](_value(left), _value(right)))
        case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in _COMPARISONS for op in ops):
            return _compared(ops, [_value(operand) for operand in (left, *others)])
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            return _bounded(_FUNCTIONS[name](*_values(arguments)))
    raise _invalid(
        f"may not hold {ast.unparse(node)[:60]!r}; allowed are numbers, + - * / // % **, comparisons, "
        f"{', '.join(_CONSTANTS)}, and the functions {', '.join(_FUNCTIONS)}"
    )


def _values(arguments: Sequence[ast.expr]) -> list[Number]:
    """The arguments of a function; one list stands for what is in it."""
    match arguments:
        case [ast.List(elts=elements) | ast.Tuple(elts=elements)]:
            return [_value(element) for element in elements]
    return [_value(argument) for argument in arguments]


def _compared(ops: Sequence[ast.cmpop], values: Sequence[Number]) -> bool:
    return all(_COMPARISONS[type(op)](*pair) for op, pair in zip(ops, pairwise(values), strict=True))


def _bounded(number: Any) -> Number:
    if isinstance(number, complex):
        raise _invalid("has no real result")
    if isinstance(number, int) and number.bit_length() > _BITS:
        raise _invalid(f"goes over {_BITS} bits, which is the limit of a whole number")
    if isinstance(number, float) and not math.isfinite(number):
        raise OverflowError
    return number  # type: ignore[no-any-return]


def _power(base: Number, exponent: Number) -> Any:
    """Refuses before it multiplies: a whole number to a whole one has at most so many bits."""
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * abs(exponent) > _BITS * 2:
        if abs(base) > 1:
            raise _invalid(f"goes over {_BITS} bits, which is the limit of a whole number")
        exponent %= 2  # of 0, 1 and -1 every power is known
        return base**exponent if base else 0
    return base**exponent


def _round(number: Number, digits: int = 0) -> Number:
    if abs(digits) > 100:
        raise _invalid("rounds to more than 100 digits")
    return round(number, digits) if digits else round(number)


def _shown(value: Number) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else repr(float(f"{value:.{_SHOWN}g}"))


def _invalid(reason: str) -> Invalid:
    return Invalid("expression", reason)


_CONSTANTS = {"pi": math.pi, "e": math.e}
_SIGNS: Mapping[type, Callable[[Any], Any]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
_OPERATORS: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}
_COMPARISONS: Mapping[type, Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "abs": abs,
    "ceil": math.ceil,
    "exp": math.exp,
    "floor": math.floor,
    "log": math.log,
    "max": lambda *numbers: max(numbers),
    "min": lambda *numbers: min(numbers),
    "round": _round,
    "sqrt": math.sqrt,
    "sum": lambda *numbers: sum(numbers),
}
