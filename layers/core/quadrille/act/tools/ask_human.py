"""Asking whoever gave the task."""

from typing import Annotated

from pydantic import Field

from quadrille.act.tooling import Arguments, Observation, Use, Workbench, tool
from quadrille.errors import Invalid


class Question(Arguments):
    """What to ask."""

    question: Annotated[str, Field(min_length=1, max_length=2_000, pattern=r"\S")]


@tool(approval=True)
def ask_human(arguments: Question, use: Use, bench: Workbench) -> Observation:
    """Ask the human who gave the task, if it cannot be done without their answer. The task waits for it."""
    raise Invalid("question", "has no answer: a comment on its approval is the answer")  # which takes this tool's place
