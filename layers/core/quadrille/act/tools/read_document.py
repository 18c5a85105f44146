"""Reading a stretch of a document."""

from typing import Annotated

from pydantic import Field

from quadrille.act.reading import row_of, source_of, text_of
from quadrille.act.results import window
from quadrille.act.tooling import Arguments, Observation, Use, Workbench, tool


class Stretch(Arguments):
    """Of which document what."""

    document_id: Annotated[str, Field(max_length=100, description="As search_documents and list_documents give it.")]
    from_character: Annotated[int, Field(ge=0)] = 0
    characters: Annotated[int, Field(ge=1, description="How many to read; a limit is told with the text.")] = 4_000


@tool(untrusted=True)
def read_document(arguments: Stretch, use: Use, bench: Workbench) -> Observation:
    """Read a document's text, or the stretch of it that begins at from_character."""
    row = row_of(arguments.document_id, use, bench)
    text = window(text_of(row, bench), arguments.from_character, arguments.characters, limit=bench.characters)
    return Observation(text, sources=(source_of(row),))
