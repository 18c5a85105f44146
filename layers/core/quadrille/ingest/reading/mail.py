"""Mails: the headers that matter and the body; what is attached comes beside."""

from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes
from email.errors import MessageError
from email.message import Message

from quadrille.errors import Unreadable
from quadrille.ingest.reading.attached import attached, name_of
from quadrille.ingest.reading.encodings import attempt, decoded
from quadrille.ingest.reading.extracted import Attachment, Extracted, Limits, Missing, cleaned
from quadrille.ingest.reading.headers import Readable, header
from quadrille.ingest.reading.html import to_markdown

_SHOWN = ("Subject", "From", "To", "Cc", "Date")
_SIGNATURES = ("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature")
_REPORTS = ("message/delivery-status", "message/disposition-notification", "text/rfc822-headers")
ENCRYPTED = "The mail is encrypted; upload it again as its reader sees it."


def read(data: bytes, limits: Limits) -> Extracted:
    """The text of a mail and its attachments. Raises `Unreadable` and `TooLarge`."""
    message = message_from_bytes(data, policy=Readable())
    if message.get_content_type() == "multipart/encrypted":
        raise Unreadable(ENCRYPTED)
    lines = [f"{name}: {value}" for name in _SHOWN if (value := header(message, name))]
    body = content(message, limits)
    return replace(body, text="\n\n".join(filter(None, ["\n".join(lines), body.text])))


def content(message: Message, limits: Limits) -> Extracted:
    """The text and the attachments of a mail, its headers aside. Raises `Unreadable` and `TooLarge`."""
    mail = _Mail(limits)
    text = "\n\n".join(text for text in mail.bodies(message) if text.strip()).strip()
    limits.check(len(text))
    attachments, missing = attached(mail.files, limits)
    return Extracted(text, missing=tuple(missing), markdown=mail.markdown, attachments=tuple(attachments))


class _Mail:
    """A walk through the parts of a mail, which gathers files on its way."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.files: list[Attachment | Missing] = []
        self.markdown = False

    def bodies(self, part: Message) -> Iterator[str]:
        """The texts of a part and the parts within, in order."""
        kind = part.get_content_type()
        if kind == "multipart/alternative" and part.is_multipart():
            yield from self._best(part)
        elif kind in _REPORTS:
            yield "\n".join(str(inner) for inner in part.get_payload()) if part.is_multipart() else _text(part)
        elif part.get_content_maintype() == "multipart":
            if not part.is_multipart():  # it only says so
                yield self._body(part)
            for inner in _parts(part):
                yield from self.bodies(inner)
        elif kind in ("text/plain", "text/html") and not _is_file(part):
            yield self._body(part)
        elif kind not in _SIGNATURES and not _is_decoration(part):
            self.files.append(self._file(part))

    def _best(self, part: Message) -> list[str]:
        """The plain one of several versions of the same text, if there is one, else the last that says anything."""
        best: list[str] = []
        for inner in sorted(_parts(part), key=lambda inner: inner.get_content_type() == "text/plain"):
            before, self.markdown = self.markdown, False
            texts = [text for text in self.bodies(inner) if text.strip()]
            self.markdown = self.markdown if texts else before
            best = texts or best
        return best

    def _body(self, part: Message) -> str:
        text = _text(part)
        if part.get_content_type() != "text/html":
            return cleaned(text).strip()
        self.markdown = True
        return to_markdown(text, self.limits)

    def _file(self, part: Message) -> Attachment | Missing:
        name = name_of(part, len(self.files) + 1)
        try:
            if part.get_content_maintype() == "message" and part.is_multipart():
                return Attachment(name, _parts(part)[0].as_bytes())
            return Attachment(name, _bytes(part))
        except (MessageError, ValueError, LookupError, TypeError, AttributeError):
            return Missing("The attachment is damaged.", attachment=name)


def _parts(part: Message) -> list[Message]:
    return [inner for inner in part.get_payload() if isinstance(inner, Message)] if part.is_multipart() else []


def _text(part: Message) -> str:
    """The characters of a part: as it declares, or else by what it is."""
    data = _bytes(part)
    declared = part.get_param("charset")
    charset = declared if isinstance(declared, str) else None
    text = None if charset and charset.lower() in ("us-ascii", "utf-8") else attempt(data, charset)
    return text if text is not None else decoded(data)


def _bytes(part: Message) -> bytes:
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _is_file(part: Message) -> bool:
    return part.get_content_disposition() == "attachment" or part.get_filename() is not None


def _is_decoration(part: Message) -> bool:
    """A picture that is shown within the text."""
    inline = part.get_content_disposition() != "attachment" and part.get("Content-ID") is not None
    return part.get_content_maintype() == "image" and inline
