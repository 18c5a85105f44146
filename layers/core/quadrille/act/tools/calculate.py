"""Arithmetic without eval."""

from typing import Annotated

from pydantic import Field

from quadrille.act.arithmetic import CHARACTERS, evaluated
from quadrille.act.tooling import Arguments, Observation, Use, Workbench, tool


class Calculate(Arguments):
    """What to calculate."""

    expression: Annotated[
        str,
        Field(
            min_length=1,
            max_length=CHARACTERS,
            description="Numbers, + - * / // % **, comparisons, parentheses, pi, e, and the functions abs, ceil, exp, "
            "floor, log, max, min, round, sqrt, sum. For example: round(1249.5 * 0.19, 2)",
        ),
    ]


@tool()
def calculate(arguments: Calculate, use: Use, bench: Workbench) -> Observation:
    """Calculate an expression. Use it for every calculation instead of guessing."""
    return Observation(evaluated(arguments.expression))
