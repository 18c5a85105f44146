"""A chunk: a stretch of a document's extracted text, where its pages begin, and the headings it stands under.

It is written by the stage chunk, travels in the vector store's metadata and comes back to be quoted.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple


class PageStart(NamedTuple):
    """A page, slide or sheet: its number, the position where it begins, and its name if it has one."""

    number: int
    start: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """`text` is `[start:start + len(text)]` of the document's extracted text, counted in characters.

    `pages` are those the chunk touches; it is empty for a format without pages. `heading` is the path of headings above
    the chunk and the head of a table that began before it: it is embedded with the text and never quoted.
    """

    number: int
    start: int
    text: str
    pages: tuple[PageStart, ...] = ()
    heading: str = ""

    @property
    def end(self) -> int:
        """The position after the last character."""
        return self.start + len(self.text)

    @property
    def embedded(self) -> str:
        """The text whose vector stands for the chunk."""
        return f"{self.heading}\n\n{self.text}" if self.heading else self.text

    def page_at(self, position: int) -> PageStart | None:
        """The page of a position in the document, or None without pages."""
        if not self.pages:
            return None
        return self.pages[max(0, bisect_right(self.pages, position, key=lambda page: page.start) - 1)]

    @property
    def page(self) -> PageStart | None:
        """The page of the chunk's middle: it may begin with the end of the page before."""
        return self.page_at((self.start + self.end) // 2)

    def to_json(self) -> dict[str, Any]:
        """The chunk as a stage leaves it for the next."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Chunk":
        """The chunk that `to_json` wrote."""
        pages = tuple(PageStart(*page) for page in stored["pages"])
        return cls(stored["number"], stored["start"], stored["text"], pages, stored["heading"])

    def to_metadata(self) -> dict[str, Any]:
        """The chunk as metadata of a vector, which holds strings, numbers and lists of strings."""
        pages = [f"{page.number}:{page.start}:{page.label}" for page in self.pages]
        on = [str(page.number) for page in self.pages]  # which is what a filter can name
        about = {"number": self.number, "start": self.start, "text": self.text, "pages": pages, "on": on}
        return {**about, "heading": self.heading} if self.heading else about

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any]) -> "Chunk":
        """The chunk that `to_metadata` wrote."""
        parts = (page.split(":", 2) for page in metadata["pages"])
        pages = tuple(PageStart(int(number), int(start), label) for number, start, label in parts)
        heading = metadata.get("heading", "")
        return cls(int(metadata["number"]), int(metadata["start"]), metadata["text"], pages, heading)
