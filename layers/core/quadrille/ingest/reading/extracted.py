"""What reading a file gives: its text, where its pages lie in it, what is missing, and what was attached."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from quadrille.errors import TooLarge

if TYPE_CHECKING:
    from quadrille.config import Settings

PICTURE = "The page has no usable text layer and waits for OCR."
_BREAK = "\n\n"
_LISTED = 1_000  # of what is missing; a row of the table holds 400 KB
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may hold at most, and what reading it may take: seconds of time and of CPU, bytes of memory.

    `pixels` is of one image; a page of more than `drawn` pixels is made smaller before OCR reads it. `expansion` is how
    many times its size an archive may unpack to (Apache POI refuses at 100, too), and does not apply below a megabyte;
    `depth` is how deeply mails may lie in mails.
    """

    pages: int
    characters: int
    seconds: int = 25
    memory: int = 512 * 1024 * 1024
    pixels: int = 200_000_000
    drawn: int = 20_000_000
    entries: int = 10_000
    expansion: int = 100
    unpacked: int = 256 * 1024 * 1024
    attachments: int = 100
    attached: int = 50 * 1024 * 1024
    depth: int = 3

    @classmethod
    def of(cls, here: "Settings", **more: int) -> "Limits":
        """As a deployer set them; `more` are others of them."""
        return cls(
            pages=here.max_document_pages,
            characters=here.max_document_characters,
            seconds=here.max_reading_seconds,
            memory=here.max_reading_bytes,
            **more,
        )

    def check(self, characters: int) -> None:
        """Raise `TooLarge` if a text has too many characters."""
        if characters > self.characters:
            raise TooLarge(f"The text has over {self.characters} characters, which is the limit.")


@dataclass(frozen=True, slots=True)
class Page:
    """A page, slide or sheet: its number, counted from 1, its span in the text in characters, and its name if any."""

    number: int
    start: int
    end: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """A page or an attachment that gave nothing, and why. A page that is a `picture` may be read by OCR."""

    reason: str
    page: int | None = None
    attachment: str | None = None
    picture: bool = False

    def public(self) -> dict[str, int | str]:
        """What the document's row says of it."""
        place = {"page": self.page} if self.page else {"attachment": self.attachment}
        return {**{name: value for name, value in place.items() if value is not None}, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a mail; its name is the sender's choice."""

    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Extracted:
    """A file's text, `pages` being empty for a format without pages, and what is missing of it or came with it."""

    text: str
    pages: tuple[Page, ...] = ()
    missing: tuple[Missing, ...] = ()
    markdown: bool = False
    attachments: tuple[Attachment, ...] = ()

    @property
    def scanned(self) -> tuple[int, ...]:
        """The pages that OCR may read."""
        return tuple(gap.page for gap in self.missing if gap.picture and gap.page)

    @property
    def gaps(self) -> list[dict[str, int | str]]:
        """What the document's row says is missing."""
        gaps = [gap.public() for gap in self.missing[:_LISTED]]
        if len(self.missing) > _LISTED:
            gaps.append({"reason": f"{len(self.missing) - _LISTED} more pages or attachments are missing."})
        return gaps

    def to_json(self) -> dict[str, Any]:
        """What the next stage reads of it, attachments aside."""
        return {
            "text": self.text,
            "pages": [asdict(page) for page in self.pages],
            "missing": [asdict(gap) for gap in self.missing],
            "markdown": self.markdown,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Extracted":
        """What `to_json` gave."""
        pages, missing = (Page(**page) for page in stored["pages"]), (Missing(**gap) for gap in stored["missing"])
        return cls(stored["text"], tuple(pages), tuple(missing), stored["markdown"])


@dataclass(frozen=True, slots=True)
class OpenedMail:
    """A mail: the first of each header that matters, by its name in lower case, and who writes.

    `digest` is of what the mail is, and not of how it came. `kinds` are the content types of the mail and its parts;
    `error` says why `content` is empty if it cannot be read.
    """

    headers: Mapping[str, str]
    name: str
    address: str
    digest: str
    kinds: tuple[str, ...]
    content: Extracted
    error: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """A mail's text: what is new in it, what it quotes of earlier mails, and how it is signed."""

    text: str
    quoted: str = ""
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Recognised:
    """What OCR reads on a page, and how sure it is of it on average, from 0 to 100."""

    text: str
    confidence: int


def cleaned(text: str) -> str:
    """Text with one kind of line end and without what no store takes: NULs, marks of byte order, half characters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    return text if text.isascii() else _HALF.sub("\ufffd", text.replace("\ufeff", ""))


def joined(texts: Iterable[tuple[str, str]], limits: Limits) -> tuple[str, tuple[Page, ...]]:
    """Labels and texts of pages as one text and its pages. Raises `TooLarge` as soon as a limit is passed."""
    pages: list[Page] = []
    parts: list[str] = []
    start = 0
    for number, (label, text) in enumerate(texts, start=1):
        if number > limits.pages:
            raise TooLarge(f"The file has over {limits.pages} pages, which is the limit.")
        parts.append(text)
        pages.append(Page(number, start, start + len(text), label))
        start += len(text) + len(_BREAK)
        limits.check(start - len(_BREAK))
    return _BREAK.join(parts), tuple(pages)
