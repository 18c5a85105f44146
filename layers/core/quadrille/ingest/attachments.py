"""A mail's attachments: put into the bucket beside it as documents of their own, and removed with it."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

from quadrille.about import About
from quadrille.blobs import Blobs
from quadrille.documents import Place
from quadrille.errors import Invalid, NotFound
from quadrille.ingest.reading import Extracted, Limits, Missing
from quadrille.ingest.work import version_of, work_key, work_prefix
from quadrille.messages import DocumentVersion

_LIST = "attachments"
_DEPTH = "depth"  # kept beside an attachment: how many mails it lay in
_MAIL = "mail"  # and of which document it is; an object without it was put by somebody else


def put(
    version: DocumentVersion,
    place: Place,
    extracted: Extracted,
    about: Mapping[str, str],
    blobs: Blobs,
    limits: Limits,
) -> Extracted:
    """Put a mail's attachments beside it, leave those that could not be as missing, and remove those it had before.

    `about` is what is kept beside the mail: what its owner said of it is true of them, too. Their keys follow from the
    mail's own and their names, so that a second delivery puts the same again. They are listed before they are put, so
    that whoever deletes the mail finds them.
    """
    depth = int(about.get(_DEPTH, 0)) + 1
    beside = {
        file.name: Place(place.tenant, place.collection, f"{place.filename}/{file.name}")
        for file in extracted.attachments
    }
    refusals = {name: refusal for name, there in beside.items() if (refusal := _refusal(there, depth, limits))}
    taken = tuple(file for file in extracted.attachments if file.name not in refusals)
    keys = [beside[file.name].key for file in taken]
    if keys:
        blobs.put_json(work_key(version, _LIST), keys)
    said = {**About.entries(about), _DEPTH: str(depth), _MAIL: version.document_id}
    for key, file in zip(keys, taken, strict=True):
        blobs.put(key, file.data, about=said)
    if version.version > 1:
        _remove_former(version, keys, blobs)
    missing = [Missing(refusal, attachment=name) for name, refusal in refusals.items()]
    return replace(extracted, attachments=taken, missing=(*extracted.missing, *missing))


def put_of_case(
    tenant: str, collection: str, case: str, extracted: Extracted, blobs: Blobs, limits: Limits
) -> list[dict[str, str | None]]:
    """Put the attachments of a case's mail where they become documents, and give what became of each of them.

    Their keys follow from the case and their names, so that a second delivery puts the same again.
    """
    put_: list[dict[str, str | None]] = [
        {"filename": gap.attachment or "", "document_id": None, "error": gap.reason} for gap in extracted.missing
    ]
    for file in extracted.attachments:
        there = Place(tenant, collection, f"{case}/{file.name}")
        refusal = _refusal(there, 1, limits)
        if not refusal:
            blobs.put(there.key, file.data, about={_DEPTH: "1"})
        document_id = None if refusal else there.document_id
        put_.append({"filename": file.name, "document_id": document_id, "error": refusal or None})
    return put_


def listed(objects: Iterable[str], blobs: Blobs) -> Iterator[str]:
    """The keys of the attachments that the lists among these objects name."""
    for key in filter(_is_list, objects):
        with suppress(NotFound):  # another delivery has deleted it
            yield from blobs.get_json(key)


def of_mail(document_id: str, keys: Iterable[str], blobs: Blobs) -> list[str]:
    """Those of the keys under which an attachment of this mail lies."""
    return [key for key in keys if (blobs.about(key) or {}).get(_MAIL) == document_id]


def _remove_former(version: DocumentVersion, keys: list[str], blobs: Blobs) -> None:
    """Remove what older versions of the mail had and this one has not; each removal deletes that document."""
    lists = [key for key in blobs.list(work_prefix(version)) if _is_list(key) and version_of(key) < version.version]
    blobs.delete(of_mail(version.document_id, set(listed(lists, blobs)).difference(keys), blobs))
    blobs.delete(lists)


def _is_list(key: str) -> bool:
    return key.endswith(f"/{_LIST}.json")


def _refusal(beside: Place, depth: int, limits: Limits) -> str:
    """Why an attachment cannot be a document; empty if it can."""
    if depth > limits.depth:
        return f"The attachment lies more than {limits.depth} mails deep, which is the limit."
    try:
        beside.checked()
    except Invalid as error:
        return f"The attachment's name cannot be kept: {error}."
    return ""
