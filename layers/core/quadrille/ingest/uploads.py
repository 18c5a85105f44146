"""Uploads: announced with a form for this one file in its tenant's place, taken back, or read once more."""

import base64
from datetime import UTC, datetime, timedelta

from quadrille.about import as_entries
from quadrille.blobs import Blobs
from quadrille.documents import Documents, Place, Status
from quadrille.errors import Invalid, TooLarge
from quadrille.ingest.models import Upload, UploadRequest, UploadResponse
from quadrille.messages import ObjectCreated
from quadrille.queues import Queue
from quadrille.rows import Row


def announce(
    request: UploadRequest, *, tenant: str, documents: Documents, blobs: Blobs, max_bytes: int, seconds: int
) -> UploadResponse:
    """The form to upload one file with, valid for `seconds`. Raises `TooLarge` and `Invalid`."""
    if request.size > max_bytes:
        raise TooLarge(f"The file has {request.size} bytes; the limit is {max_bytes}.")
    place = Place(tenant, request.collection, request.filename).checked()
    fixed = {"Content-Type": request.content_type} if request.content_type else {}
    if request.sha256:
        digest = base64.b64encode(bytes.fromhex(request.sha256)).decode()
        fixed |= {"x-amz-checksum-algorithm": "SHA256", "x-amz-checksum-sha256": digest}
    said = as_entries(request.date, request.metadata)
    fixed |= {f"x-amz-meta-{name}": value for name, value in said.items()}
    expires = datetime.now(UTC) + timedelta(seconds=seconds)
    form = blobs.presigned_post(place.key, size=request.size, seconds=seconds, fixed=fixed)
    documents.announce(place, size=request.size, confirm=request.confirm)
    return UploadResponse(
        document_id=place.document_id,
        upload=Upload(
            url=form["url"],
            fields=form["fields"],
            expires_at=expires.isoformat(timespec="seconds").replace("+00:00", "Z"),
        ),
    )


def withdraw(tenant: str, document_id: str, *, documents: Documents, blobs: Blobs, erase: Queue) -> Row:
    """Remove a document's file, take it from its readers, and send it to the stage erase. Raises `NotFound`.

    The file goes first: one that is put after this call is a new version and stays.
    """
    row = documents.get(tenant, document_id)
    blobs.delete([Place(tenant, row["collection"], row["filename"]).key])
    version = documents.delete(tenant, document_id)
    if version:
        erase.send(version)
    return documents.get(tenant, document_id)


def retry(tenant: str, document_id: str, *, documents: Documents, extract: Queue) -> Row:
    """Begin anew with a document that is not searchable yet. Raises `NotFound` and `Invalid`.

    The stages do only what is missing: what was embedded is not embedded again.
    """
    row = documents.get(tenant, document_id)
    if row["status"] == Status.WAITING and row["version"]:
        raise Invalid("document_id", "waits for its price to be confirmed; confirm it")
    if row["status"] in (Status.WAITING, Status.DELETED):
        raise Invalid("document_id", "has no file to read; upload it first")
    begun = documents.begin_again(tenant, document_id)
    if begun:
        extract.send(reading_of(begun))
    return begun or row


def confirm(tenant: str, document_id: str, *, documents: Documents, extract: Queue) -> Row:
    """Let a document go on that waits for its price to be confirmed. Raises `NotFound` and `Invalid`.

    It is begun anew: reading it costs nothing, and what was done is not done again.
    """
    row = documents.get(tenant, document_id)
    if not row["version"]:
        raise Invalid("document_id", "has no file yet; upload it first")
    held = documents.confirm(tenant, document_id, version=int(row["version"]))
    if held:
        extract.send(reading_of(held))
    elif row["confirmed"] != row["version"]:
        raise Invalid("document_id", "does not wait for a confirmation")
    return held or row


def reading_of(row: Row) -> ObjectCreated:
    """The event that has a document's file read once more."""
    place = Place(row["tenant"], row["collection"], row["filename"])
    known = {"etag": row.get("etag", ""), "sequencer": row["sequencer"]}
    return ObjectCreated.of(place.key, size=int(row["size"]), **known)
