"""Opening a mail: who writes, what its headers tell, its text and its files, and what it is, as a digest."""

import hashlib
import json
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from email.utils import getaddresses

from quadrille.errors import TooLarge, Unreadable
from quadrille.ingest.reading import mail
from quadrille.ingest.reading.extracted import Extracted, Limits, OpenedMail
from quadrille.ingest.reading.headers import Readable, header

_KEPT = (
    *("subject", "from", "to", "date", "message-id", "return-path"),
    *("auto-submitted", "precedence", "x-autoreply", "x-autorespond", "x-auto-response-suppress"),
    *("list-id", "list-post", "list-unsubscribe", "x-ses-spam-verdict", "x-ses-virus-verdict", "x-quadrille-hops"),
)
_IS = ("message-id", "from", "date", "subject")  # of the headers, what makes a mail the same: no relay changes it
_SEALED = ("application/pkcs7-mime", "application/x-pkcs7-mime", "multipart/encrypted")
_PGP = "-----BEGIN PGP MESSAGE-----"
_PARTS = 1_000
_ADDRESS = re.compile(r"[^@\s<>\"(),;:]{1,64}@[^@\s<>\"(),;:]{1,255}")


def read(data: bytes, limits: Limits) -> OpenedMail:
    """What a mail holds. What of it cannot be read is said in `error`. Raises `Unreadable` for what is no mail."""
    message = message_from_bytes(data, policy=Readable())
    headers = {name: header(message, name) for name in _KEPT if name in message}
    if not headers.keys() & {"from", "subject", "date", "message-id", "return-path"}:
        raise Unreadable("The object is no mail: it has no header that mails have.")
    name, address = _sender(headers.get("from", ""))
    kinds = tuple(dict.fromkeys(part.get_content_type() for part in _parts(message)))
    content, error = _content(message, limits)
    return OpenedMail(headers, name, address, _digest(message, headers), kinds, content, error)


def _content(message: Message, limits: Limits) -> tuple[Extracted, str]:
    """The text and the files, and why there are none, if they cannot be read."""
    try:
        content = mail.content(message, limits)
    except (Unreadable, TooLarge) as error:
        return Extracted(""), str(error)
    if message.get_content_type() in _SEALED or content.text.lstrip().startswith(_PGP):
        return Extracted(""), mail.ENCRYPTED
    return content, ""


def _sender(given: str) -> tuple[str, str]:
    """Name and address of who writes; empty if there is none that can be written to."""
    for name, address in getaddresses([given]):
        if _ADDRESS.fullmatch(address):
            return name, address.lower()
    found = _ADDRESS.search(given)
    return "", found[0].lower() if found else ""


def _digest(message: Message, headers: dict[str, str]) -> str:
    """What a mail is, whoever carried it: its headers of `_IS` and the content of each part, however encoded."""
    held = (part for part in _parts(message) if not part.is_multipart())
    parts = [(part.get_content_type(), hashlib.sha256(_bytes(part)).hexdigest()) for part in held]
    known = [[headers.get(name, "") for name in _IS], parts]
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()


def _parts(message: Message) -> Iterator[Message]:
    """The mail and all its parts, in order. Raises `TooLarge`."""
    for number, part in enumerate(message.walk()):
        if number >= _PARTS:
            raise TooLarge(f"The mail has over {_PARTS} parts, which is the limit.")
        yield part


def _bytes(part: Message) -> bytes:
    data = part.get_payload(decode=True)
    return b"\n".join(data.splitlines()).rstrip() if isinstance(data, bytes) else b""
