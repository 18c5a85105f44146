"""The files that come with a mail: their names, and how many of them are taken."""

import re
from collections.abc import Iterable
from email.message import Message

from quadrille.ingest.reading.extracted import Attachment, Limits, Missing
from quadrille.ingest.reading.headers import header, readable

_ENDINGS = {
    "application/pdf": ".pdf",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/tiff": ".tif",
    "message/rfc822": ".eml",
    "text/csv": ".csv",
    "text/html": ".html",
    "text/markdown": ".md",
    "text/plain": ".txt",
}
_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\]+|\$(?=\{)")
_LONGEST = 120  # characters of a name


def name_of(part: Message, number: int) -> str:
    """The name a part has, made one for it if it has none: it is only ever a single step of a path."""
    try:
        name = readable(part.get_filename() or "")
    except (ValueError, LookupError, TypeError):
        name = ""
    kind = part.get_content_type()
    ending = _ENDINGS.get(kind, "")
    if not name and kind == "message/rfc822" and part.is_multipart():
        inner = part.get_payload(0)
        name = header(inner, "Subject") + ending if isinstance(inner, Message) and header(inner, "Subject") else ""
    return safe(name) or f"attachment {number}{ending}"


def safe(name: str) -> str:
    """A name without what an object key or a path could trip over; its ending is kept if it has to be cut."""
    name = _UNSAFE.sub("_", name).strip(". ")
    stem, dot, ending = name.rpartition(".")
    if len(name) <= _LONGEST or not dot or len(ending) > 10:
        return name[:_LONGEST].rstrip(". ")
    return f"{stem[: _LONGEST - 1 - len(ending)]}.{ending}"


def attached(files: Iterable[Attachment | Missing], limits: Limits) -> tuple[list[Attachment], list[Missing]]:
    """The attachments within the limits, each under a name of its own, and what is missing of them and why."""
    taken: dict[str, Attachment] = {}
    missing: list[Missing] = []
    size, files = 0, list(files)
    for file in files[: limits.attachments]:
        if isinstance(file, Missing):
            missing.append(file)
        elif not file.data.strip():
            missing.append(Missing("The attachment is empty.", attachment=file.name))
        elif size + len(file.data) > limits.attached:
            reason = f"The mail's attachments have over {limits.attached} bytes, which is the limit."
            missing.append(Missing(reason, attachment=file.name))
        else:
            name = _unused(file.name, taken)
            taken[name] = Attachment(name, file.data)
            size += len(file.data)
    left = len(files) - limits.attachments
    if left > 0:
        reason = f"The mail has over {limits.attachments} attachments, which is the limit."
        missing.append(Missing(reason, attachment=f"the last {left}"))
    return list(taken.values()), missing


def _unused(name: str, taken: dict[str, Attachment]) -> str:
    stem, dot, ending = name.rpartition(".") if "." in name else (name, "", "")
    names = (name, *(f"{stem} ({number}){dot}{ending}" for number in range(2, len(taken) + 3)))
    return next(candidate for candidate in names if candidate not in taken)
