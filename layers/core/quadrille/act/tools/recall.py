"""Looking up what was kept in this task or an earlier one."""

import json
from typing import Annotated

from pydantic import Field

from quadrille.act.memories import FACT_CHARACTERS, find
from quadrille.act.tooling import Arguments, Observation, Use, Workbench, tool


class Query(Arguments):
    """What to look for."""

    query: Annotated[str, Field(min_length=1, max_length=FACT_CHARACTERS, pattern=r"\S")]


@tool(untrusted=True)
def recall(arguments: Query, use: Use, bench: Workbench) -> Observation:
    """Look up facts that were noted in this task or in earlier ones, those nearest to the query first."""
    facts, spent = find(arguments.query, use, bench)
    return Observation(json.dumps({"facts": facts}, ensure_ascii=False) if facts else "Nothing is noted.", spent)
