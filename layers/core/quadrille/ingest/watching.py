"""Documents, as they can be watched."""

from typing import Any

from quadrille.documents import Documents, Status
from quadrille.ingest.models import Document
from quadrille.receipts import Receipt
from quadrille.rows import Row
from quadrille.watching import Kind

_FINAL = (Status.READY, Status.PARTIAL, Status.FAILED, Status.DELETED)
_SHOWN = {"document_id", "collection", "filename", "version", "status", "pages", "chunks", "error", "updated_at"}


def documents_kind(documents: Documents) -> Kind:
    """Documents: what is final stays so until its file is put again."""
    return Kind("documents", "ingest", documents.get, _place, _show, lambda row: row["status"] in _FINAL)


def _place(row: Row) -> tuple[str, str] | None:
    """The documents table has rows of collections, too."""
    return (row["tenant"], row["document_id"]) if "document_id" in row and "status" in row else None


def _show(row: Row) -> dict[str, Any]:
    shown = Document.of(row, Receipt()).model_dump(mode="json", include=_SHOWN)
    return {**shown, "missing": len(row["missing"])}
