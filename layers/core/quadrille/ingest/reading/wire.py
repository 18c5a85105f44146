"""What a child tells its parent of a file: a line of JSON, then texts and files as they are.

JSON and not a pickle: a child that a file has taken over must not be able to take over its parent.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias, TypeVar

from quadrille.errors import TooLarge, Unreadable
from quadrille.ingest.reading.extracted import (
    Attachment,
    Extracted,
    Missing,
    OpenedMail,
    Page,
    Recognised,
    Written,
)

T = TypeVar("T")
Build: TypeAlias = Callable[[dict[str, Any], Sequence[bytes]], T]

_THINGS = {"read": "file", "open": "mail", "split": "mail"}
_REFUSALS = {"unreadable": Unreadable, "too_large": TooLarge}


def thing(task: str) -> str:
    """What a task is about, for its owner."""
    return _THINGS.get(task, "page")


def pack(head: dict[str, Any], *parts: bytes) -> Iterator[bytes]:
    """An outcome in pieces, to be written one after the other."""
    yield json.dumps({**head, "parts": [len(part) for part in parts]}).encode() + b"\n"
    yield from parts


def pack_extracted(extracted: Extracted) -> Iterator[bytes]:
    """What reading a file gave, for `extracted`."""
    return pack(_head(extracted), *_parts(extracted))


def pack_opened(mail: OpenedMail) -> Iterator[bytes]:
    """A mail, for `opened`."""
    told = {
        "headers": dict(mail.headers),
        "name": mail.name,
        "address": mail.address,
        "digest": mail.digest,
        "kinds": mail.kinds,
        "error": mail.error,
    }
    return pack({**_head(mail.content), "mail": told}, *_parts(mail.content))


def pack_written(written: Written) -> Iterator[bytes]:
    """What a mail's text consists of, for `written`."""
    return pack({}, *(text.encode() for text in (written.text, written.quoted, written.signature)))


def _head(extracted: Extracted) -> dict[str, Any]:
    return {
        "pages": [[page.number, page.start, page.end, page.label] for page in extracted.pages],
        "missing": [[gap.reason, gap.page, gap.attachment, gap.picture] for gap in extracted.missing],
        "markdown": extracted.markdown,
        "attachments": [attachment.name for attachment in extracted.attachments],
    }


def _parts(extracted: Extracted) -> Iterator[bytes]:
    yield extracted.text.encode()
    yield from (attachment.data for attachment in extracted.attachments)


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


def opened(head: dict[str, Any], parts: Sequence[bytes]) -> OpenedMail:
    """What `pack_opened` packed."""
    told = head["mail"]
    return OpenedMail(
        {str(name): str(value) for name, value in told["headers"].items()},
        str(told["name"]),
        str(told["address"]),
        str(told["digest"]),
        tuple(map(str, told["kinds"])),
        extracted(head, parts),
        str(told["error"]),
    )


def written(head: dict[str, Any], parts: Sequence[bytes]) -> Written:
    """What `pack_written` packed."""
    text, quoted, signature = parts
    return Written(text.decode(), quoted.decode(), signature.decode())


def recognised(head: dict[str, Any], parts: Sequence[bytes]) -> Recognised:
    """What `pack_recognised` packed."""
    return Recognised(parts[0].decode(), int(head["confidence"]))


def _missing(reason: Any, page: Any, attachment: Any, picture: Any) -> Missing:
    return Missing(
        str(reason), int(page) if page else None, None if attachment is None else str(attachment), bool(picture)
    )
