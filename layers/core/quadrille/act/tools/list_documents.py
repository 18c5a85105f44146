"""Listing the documents of the task's collection."""

import json
from typing import Annotated

from pydantic import Field

from quadrille.act.tooling import Arguments, Observation, Use, Workbench, tool

_PAGE = 50


class Listing(Arguments):
    """Where to begin."""

    after: Annotated[
        str | None,
        Field(max_length=100, description="The last document_id of the list before, to go on; null to begin."),
    ] = None


@tool(untrusted=True)
def list_documents(arguments: Listing, use: Use, bench: Workbench) -> Observation:
    """List the documents that can be searched and read: id, file name, pages, and whether there is a summary."""
    rows, after = bench.documents().list(
        use.tenant, collection=use.collection, status=None, after=arguments.after, limit=_PAGE
    )
    items = [
        {
            "document_id": row["document_id"],
            "filename": row["filename"],
            "pages": int(row["pages"]["total"]),
            "has_summary": bool(row["summary"]),
        }
        for row in rows
        if row["live"]
    ]
    return Observation(json.dumps({"documents": items, "more_after": after}, ensure_ascii=False))
