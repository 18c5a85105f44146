"""The text of a document as readers see it."""

from quadrille.act.tooling import Use, Workbench
from quadrille.errors import NotFound
from quadrille.ingest.work import work_key
from quadrille.messages import DocumentVersion
from quadrille.rows import Row


def row_of(document_id: str, use: Use, bench: Workbench) -> Row:
    """The row of a searchable document of the task's collection. Raises `NotFound`."""
    row = bench.documents().get(use.tenant, document_id)
    if row["collection"] != use.collection or not row["live"]:
        raise NotFound(f"There is no readable document {document_id!r} here; list_documents names those there are.")
    return row


def text_of(row: Row, bench: Workbench) -> str:
    """The extracted text of the version that is live. Raises `NotFound`."""
    version = DocumentVersion(tenant=row["tenant"], document_id=row["document_id"], version=int(row["live"]))
    try:
        return str(bench.blobs().get_json(work_key(version, "text"))["text"])
    except NotFound:
        raise NotFound(
            f"The text of {row['document_id']!r} is not kept any more; search_documents may find it."
        ) from None


def source_of(row: Row) -> str:
    """The document version a text is of."""
    return f"{row['document_id']}/{int(row['live'])}"
