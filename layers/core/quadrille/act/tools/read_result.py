"""Reading a stretch of what a call gave: of what was too large to be shown whole, or is not shown any more."""

from typing import Annotated

from pydantic import Field

from quadrille.act.context import CALL_ID, place_of
from quadrille.act.results import result_key, window
from quadrille.act.tooling import Arguments, Observation, Use, Workbench, tool
from quadrille.errors import NotFound


class Stretch(Arguments):
    """Of which result what."""

    result: Annotated[str, Field(pattern=f"^{CALL_ID.pattern}$", description="The id of the call that gave it.")]
    from_character: Annotated[int, Field(ge=0)] = 0
    characters: Annotated[int, Field(ge=1, description="How many to read; a limit is told with the text.")] = 4_000


@tool(untrusted=True)
def read_result(arguments: Stretch, use: Use, bench: Workbench) -> Observation:
    """Read a stretch of an earlier result of this task, which was shown in part or is not shown any more."""
    row = bench.steps().call(use.tenant, use.task_id, *place_of(arguments.result))
    if "observation" not in row:
        raise NotFound(f"There is no result {arguments.result!r} of this task.")
    text = _whole(arguments.result, use, bench) if row["left_out"] else row["observation"]
    return Observation(window(text, arguments.from_character, arguments.characters, limit=bench.characters))


def _whole(result: str, use: Use, bench: Workbench) -> str:
    try:
        return bench.blobs().get(result_key(use.tenant, use.task_id, result)).decode()
    except NotFound:
        raise NotFound(f"The result {result!r} is not kept any more.") from None
