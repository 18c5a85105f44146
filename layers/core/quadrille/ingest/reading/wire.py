"""What a child tells its parent of a file: a line of JSON, then the text and the attachments as they are.

JSON and not a pickle: a child that a file has taken over must not be able to take over its parent.
"""

import json
from collections.abc import Iterator
from typing import Any

from quadrille.errors import TooLarge, Unreadable
from quadrille.ingest.reading.extracted import Attachment, Extracted, Missing, Page

_REFUSALS = {"unreadable": Unreadable, "too_large": TooLarge}


def pack(extracted: Extracted) -> Iterator[bytes]:
    """An outcome in pieces, to be written one after the other."""
    text = extracted.text.encode()
    head = {
        "pages": [[page.number, page.start, page.end, page.label] for page in extracted.pages],
        "missing": [[gap.reason, gap.page, gap.attachment, gap.picture] for gap in extracted.missing],
        "markdown": extracted.markdown,
        "attachments": [[attachment.name, len(attachment.data)] for attachment in extracted.attachments],
        "text": len(text),
    }
    yield json.dumps(head).encode() + b"\n"
    yield text
    for attachment in extracted.attachments:
        yield attachment.data


def pack_refusal(error: Unreadable | TooLarge) -> bytes:
    """A refusal in the same manner."""
    kind = "too_large" if isinstance(error, TooLarge) else "unreadable"
    return json.dumps({kind: str(error)}).encode() + b"\n"


def unpack(packed: bytes) -> Extracted:
    """What a child has packed. Raises the refusal, and `Unreadable` if it makes no sense."""
    try:
        line = packed.index(b"\n") + 1
        head = json.loads(packed[:line])
        for kind, refusal in _REFUSALS.items():
            if kind in head:
                raise refusal(str(head[kind])[:1000])
        return _extracted(head, packed, line)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Unreadable("Reading the file gave nothing that makes sense.") from error


def _extracted(head: dict[str, Any], packed: bytes, start: int) -> Extracted:
    end = start + int(head["text"])
    text, attachments = packed[start:end].decode(), []
    for name, size in head["attachments"]:
        attachments.append(Attachment(str(name), packed[end : end + int(size)]))
        end += int(size)
    return Extracted(
        text,
        tuple(Page(int(number), int(first), int(last), str(label)) for number, first, last, label in head["pages"]),
        tuple(_missing(*gap) for gap in head["missing"]),
        bool(head["markdown"]),
        tuple(attachments),
    )


def _missing(reason: Any, page: Any, attachment: Any, picture: Any) -> Missing:
    return Missing(
        str(reason), int(page) if page else None, None if attachment is None else str(attachment), bool(picture)
    )
