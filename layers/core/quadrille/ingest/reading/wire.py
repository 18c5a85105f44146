"""What a child tells its parent of a file: a line of JSON, then texts and files as they are.

JSON and not a pickle: a child that a file has taken over must not be able to take over its parent.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias, TypeVar

from quadrille.errors import TooLarge, Unreadable
from quadrille.ingest.reading.extracted import Attachment, Extracted, Missing, Page, Recognised

T = TypeVar("T")
Build: TypeAlias = Callable[[dict[str, Any], Sequence[bytes]], T]

_REFUSALS = {"unreadable": Unreadable, "too_large": TooLarge}


def thing(task: str) -> str:
    """What a task is about, for its owner."""
    return "file" if task == "read" else "page"


def pack(head: dict[str, Any], *parts: bytes) -> Iterator[bytes]:
    """An outcome in pieces, to be written one after the other."""
    yield json.dumps({**head, "parts": [len(part) for part in parts]}).encode() + b"\n"
    yield from parts


def pack_extracted(extracted: Extracted) -> Iterator[bytes]:
    """What reading a file gave, for `extracted`."""
    head = {
        "pages": [[page.number, page.start, page.end, page.label] for page in extracted.pages],
        "missing": [[gap.reason, gap.page, gap.attachment, gap.picture] for gap in extracted.missing],
        "markdown": extracted.markdown,
        "attachments": [attachment.name for attachment in extracted.attachments],
    }
    return pack(head, extracted.text.encode(), *(attachment.data for attachment in extracted.attachments))


def pack_recognised(recognised: Recognised) -> Iterator[bytes]:
    """What OCR read, for `recognised`."""
    return pack({"confidence": recognised.confidence}, recognised.text.encode())


def pack_refusal(error: Unreadable | TooLarge) -> bytes:
    """A refusal in the same manner."""
    kind = "too_large" if isinstance(error, TooLarge) else "unreadable"
    return json.dumps({kind: str(error)}).encode() + b"\n"


def unpack(packed: bytes, build: Build[T]) -> T:
    """What a child has packed. Raises the refusal, and `Unreadable` if it makes no sense."""
    try:
        start = packed.index(b"\n") + 1
        head = json.loads(packed[:start])
        for kind, refusal in _REFUSALS.items():
            if kind in head:
                raise refusal(str(head[kind])[:1000])
        parts = []
        for size in head["parts"]:
            parts.append(packed[start : start + int(size)])
            start += int(size)
        return build(head, parts)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise Unreadable("Reading the file gave nothing that makes sense.") from error


def extracted(head: dict[str, Any], parts: Sequence[bytes]) -> Extracted:
    """What `pack_extracted` packed."""
    text, *files = parts
    return Extracted(
        text.decode(),
        tuple(Page(int(number), int(first), int(last), str(label)) for number, first, last, label in head["pages"]),
        tuple(_missing(*gap) for gap in head["missing"]),
        bool(head["markdown"]),
        tuple(Attachment(str(name), data) for name, data in zip(head["attachments"], files, strict=True)),
    )


def recognised(head: dict[str, Any], parts: Sequence[bytes]) -> Recognised:
    """What `pack_recognised` packed."""
    return Recognised(parts[0].decode(), int(head["confidence"]))


def _missing(reason: Any, page: Any, attachment: Any, picture: Any) -> Missing:
    return Missing(
        str(reason), int(page) if page else None, None if attachment is None else str(attachment), bool(picture)
    )
