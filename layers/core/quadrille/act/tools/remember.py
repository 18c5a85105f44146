"""Keeping a fact beyond the task."""

from typing import Annotated

from pydantic import Field

from quadrille.act.memories import FACT_CHARACTERS, keep
from quadrille.act.tooling import Arguments, Observation, Use, Workbench, tool


class Fact(Arguments):
    """What to keep."""

    fact: Annotated[
        str,
        Field(min_length=1, max_length=FACT_CHARACTERS, pattern=r"\S", description="One sentence that stands alone."),
    ]


@tool()
def remember(arguments: Fact, use: Use, bench: Workbench) -> Observation:
    """Note a fact: it stays before you for the rest of this task, and recall finds it in later ones."""
    fact = " ".join(arguments.fact.split())
    return Observation("Noted.", keep(fact, use, bench), pinned=fact)
