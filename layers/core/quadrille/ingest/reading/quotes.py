"""What a mail's text consists of: what is new, what it quotes of earlier mails, and the signature."""

import re
from typing import TYPE_CHECKING

from quadrille.ingest.reading.extracted import Written

if TYPE_CHECKING:
    from mailparser_reply.parser import EmailReply

_LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pl", "cs", "da", "sv", "ja", "ko", "zh")
_BLANK = re.compile(r"\n\s*\n\s*\n")
_QUOTE = re.compile(r"^\s*>")
_ANNOUNCED = re.compile(r"^[^\n>]*(?:@|\d{4})[^\n]*:$\s*(?=^\s*>)", re.MULTILINE)  # "... 2026, ann@example.com wrote:"
_RULE = re.compile(r"^\s*-{3,}.*-{3,}\s*$")  # such as "--- Forwarded message ---"


def split(text: str) -> Written:
    """The parts of a mail's text, in whichever language its mail program announces what is quoted."""
    from mailparser_reply.parser import EmailMessage

    text = _BLANK.sub("\n\n", text).strip()
    message = EmailMessage(text=text, languages=list(_LANGUAGES), keep_hyphen_lists=True)
    newest, *earlier = message.read().replies
    heads = "\n".join(reply.headers or "" for reply in earlier)  # one may come in pieces, as French ones do
    parts = [_told_apart(newest, ""), *(_told_apart(reply, heads) for reply in earlier)]
    new, quoted = ("\n\n".join(filter(None, side)) for side in zip(*parts, strict=True))
    if not new:  # all of it is quoted: forwarded, perhaps
        return Written(text)
    return Written(new, quoted, newest.signatures or "")


def _told_apart(reply: "EmailReply", heads: str) -> tuple[str, str]:
    """What is new and what is quoted of a part of a mail; one with `heads` before it is an earlier mail.

    Whoever answers below or between quoted lines has written those that are not quoted.
    """
    body = _ANNOUNCED.sub("", reply.body)  # in a language that is not known
    lines = [line for line in body.split("\n") if not line or line not in heads]
    marked = [line for line in lines if _QUOTE.match(line)]
    if heads and not marked:
        return "", f"{reply.headers}\n{reply.full_body}".strip()
    own = "\n".join(line for line in lines if not _QUOTE.match(line) and not _RULE.match(line))
    head = reply.headers if heads else ""
    return own.strip(), "\n".join(filter(None, (head, *marked)))
