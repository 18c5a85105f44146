"""The tool that ends a task. It is always offered, and never run: `Finish` takes its arguments."""

from typing import Annotated

from pydantic import Field

from quadrille.act.context import CALL_ID
from quadrille.act.tooling import Arguments, Observation, Use, Workbench, tool
from quadrille.errors import Invalid


class Evidence(Arguments):
    """A passage that shows what the result says."""

    call: Annotated[str, Field(pattern=f"^{CALL_ID.pattern}$", description="The id of the call that gave it.")]
    quote: Annotated[str, Field(min_length=1, max_length=2_000, description="Copied character by character.")]


class Result(Arguments):
    """What a task came to."""

    result: Annotated[str, Field(min_length=1, max_length=20_000, pattern=r"\S")]
    evidence: Annotated[
        list[Evidence], Field(default_factory=list, max_length=50, description="What shows it; [] if nothing does.")
    ]


@tool()
def finish(arguments: Result, use: Use, bench: Workbench) -> Observation:
    """Finish the task with its result. Call it alone, after you have seen what your other calls gave."""
    raise Invalid("finish", "is no tool that runs")
