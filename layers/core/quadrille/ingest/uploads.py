"""Announcing an upload: the caller gets a form that can only put this one file in its own tenant's place."""

import base64
from datetime import UTC, datetime, timedelta

from quadrille.blobs import Blobs
from quadrille.documents import Documents, Place
from quadrille.errors import TooLarge
from quadrille.ingest.models import Upload, UploadRequest, UploadResponse


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
    expires = datetime.now(UTC) + timedelta(seconds=seconds)
    form = blobs.presigned_post(place.key, size=request.size, seconds=seconds, fixed=fixed)
    documents.announce(place, size=request.size)
    return UploadResponse(
        document_id=place.document_id,
        upload=Upload(
            url=form["url"],
            fields=form["fields"],
            expires_at=expires.isoformat(timespec="seconds").replace("+00:00", "Z"),
        ),
    )
