"""Watching a document over a WebSocket: a `progress` frame whenever its row changes, until it is final.

Nothing polls: the documents table's stream brings each change, and the connections table who watches it.
"""

from collections.abc import Mapping
from typing import Any, Literal

from quadrille.connections import Connections, Watcher
from quadrille.documents import Documents, Status
from quadrille.errors import Abandoned, Invalid
from quadrille.frames import Frame, Sender
from quadrille.ingest.models import Document
from quadrille.receipts import Receipt
from quadrille.rows import Row, from_item
from quadrille.sockets import Sockets

_FINAL = (Status.READY, Status.PARTIAL, Status.FAILED, Status.DELETED)
_SHOWN = {"document_id", "collection", "filename", "version", "status", "pages", "chunks", "error", "updated_at"}
_KIND = "documents/"


class WatchFrame(Frame):
    """`watch`: how far `documents/<id>` is, whenever that changes."""

    action: Literal["watch"]
    resource: str


def watch(
    frame: WatchFrame,
    sender: Sender,
    *,
    connections: Connections,
    documents: Documents,
    sockets: Sockets,
    seconds: int,
    limit: int,
) -> None:
    """Show a document and watch it for so many seconds. Raises `Forbidden`, `Invalid`, `NotFound` and `Abandoned`."""
    sender.who.require("ingest")
    if not frame.resource.startswith(_KIND):
        raise Invalid("resource", "must be documents/<document_id>")
    tenant, document_id = sender.who.tenant, frame.resource.removeprefix(_KIND)
    row = documents.get(tenant, document_id)
    watcher = Watcher(sender.connection.id, frame.id)
    if row["status"] not in _FINAL:
        connections.watch(watcher, tenant, frame.resource, seconds=seconds, limit=limit)
        row = documents.get(tenant, document_id)  # as it is now that no change is missed any more
    _show(row, watcher, connections=connections, sockets=sockets)


def push(records: list[Mapping[str, Any]], *, connections: Connections, sockets: Sockets) -> int:
    """Show changed rows of the documents table to those who watch them; how many frames were sent.

    Of several changes of one document the last counts. Raises `Busy` if the gateway throttles.
    """
    images = (record["dynamodb"].get("NewImage") for record in records)
    rows = (from_item(image) for image in images if image)
    changed = {(row["tenant"], row["document_id"]): row for row in rows if "status" in row}
    return sum(
        _show(row, watcher, connections=connections, sockets=sockets)
        for (tenant, document_id), row in changed.items()
        for watcher in connections.watchers(tenant, _KIND + document_id)
    )


def _show(row: Row, watcher: Watcher, *, connections: Connections, sockets: Sockets) -> bool:
    """Send a document's progress; false if the watcher is gone. Who has seen the end watches no more."""
    resource = _KIND + row["document_id"]
    shown = Document.of(row, Receipt()).model_dump(mode="json", include=_SHOWN)
    frame = {"type": "progress", "id": watcher.id, "resource": resource, **shown, "missing": len(row["missing"])}
    try:
        sockets.post(watcher.connection_id, frame)
    except Abandoned:
        connections.unwatch(watcher, row["tenant"], resource)
        return False
    if row["status"] in _FINAL:
        connections.unwatch(watcher, row["tenant"], resource)
    return True
