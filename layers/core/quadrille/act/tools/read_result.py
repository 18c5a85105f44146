"""Reading a stretch of a tool's result that was too large to be shown whole."""

from typing import Annotated

from pydantic import Field

from quadrille.act.results import result_key, window
from quadrille.act.tooling import Arguments, Observation, Use, Workbench, tool
from quadrille.errors import NotFound


class Stretch(Arguments):
    """Of which result what."""

    result: Annotated[str, Field(pattern=r"^r[0-9]{1,6}-[0-9]{1,6}$", description="The id that came with the preview.")]
    from_character: Annotated[int, Field(ge=0)] = 0
    characters: Annotated[int, Field(ge=1, description="How many to read; a limit is told with the text.")] = 4_000


@tool(untrusted=True)
def read_result(arguments: Stretch, use: Use, bench: Workbench) -> Observation:
    """Read a stretch of an earlier result of this task, of which only a preview was shown."""
    try:
        data = bench.blobs().get(result_key(use.tenant, use.task_id, arguments.result))
    except NotFound:
        raise NotFound(f"There is no result {arguments.result!r} of this task.") from None
    return Observation(window(data.decode(), arguments.from_character, arguments.characters, limit=bench.characters))
