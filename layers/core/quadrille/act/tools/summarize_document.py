"""The summary of a document, which ingest made."""

from typing import Annotated

from pydantic import Field

from quadrille.act.reading import row_of, source_of, text_of
from quadrille.act.tooling import Arguments, Observation, Use, Workbench, tool


class Which(Arguments):
    """Of which document."""

    document_id: Annotated[str, Field(max_length=100, description="As search_documents and list_documents give it.")]


@tool(untrusted=True)
def summarize_document(arguments: Which, use: Use, bench: Workbench) -> Observation:
    """Give a document's summary, if it is long enough to have one, or else the length of its text."""
    row = row_of(arguments.document_id, use, bench)
    summary = row["summary"]
    if not summary:
        length = len(text_of(row, bench))
        summary = f"There is no summary: the text has {length} characters. Read it with read_document."
    return Observation(summary, sources=(source_of(row),))
