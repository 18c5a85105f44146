"""Searching the documents of the task's collection."""

import json
from typing import Annotated

from pydantic import Field

from quadrille.act.tooling import Arguments, Observation, Use, Workbench, tool
from quadrille.ask.models import QUESTION_CHARACTERS, Filter

_PASSAGES = 5


class Search(Arguments):
    """What to search for."""

    query: Annotated[str, Field(min_length=1, max_length=QUESTION_CHARACTERS, pattern=r"\S")]
    document_id: Annotated[
        str | None, Field(min_length=1, max_length=900, description="Search this document only; null means all.")
    ] = None


@tool(untrusted=True)
def search_documents(arguments: Search, use: Use, bench: Workbench) -> Observation:
    """Search the documents for passages by meaning and by words. Each has the document's id, its file name, the page
    and where it begins, for read_document."""
    retrieved = bench.retriever().find(
        arguments.query,
        use.payer,
        collection=use.collection,
        top_k=_PASSAGES,
        only=Filter(document_id=arguments.document_id),
    )
    hits = [
        {
            "document_id": found.document_id,
            "filename": found.filename,
            "page": found.chunk.page and found.chunk.page.number,
            "from_character": found.chunk.start,
            "text": found.chunk.text,
        }
        for found in retrieved.found
    ]
    sources = tuple(dict.fromkeys(found.source for found in retrieved.found))
    text = json.dumps({"passages": hits}, ensure_ascii=False) if hits else "No passage was found."
    return Observation(text, retrieved.spent, sources=sources)
