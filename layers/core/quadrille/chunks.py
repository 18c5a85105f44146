"""A chunk: a stretch of a document's extracted text, and where its pages begin.

It is written by the stage chunk, travels in the vector store's metadata and comes back to be quoted.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Chunk:
    """`text` is `[start:start + len(text)]` of the document's extracted text, counted in characters.

    `pages` holds, for each page the chunk touches, its number and the position where it begins; it is empty for a
    format without pages.
    """

    number: int
    start: int
    text: str
    pages: tuple[tuple[int, int], ...]

    @property
    def end(self) -> int:
        """The position after the last character."""
        return self.start + len(self.text)

    def page_at(self, position: int) -> int | None:
        """The page of a position in the document, or None without pages."""
        if not self.pages:
            return None
        return self.pages[max(0, bisect_right(self.pages, position, key=lambda page: page[1]) - 1)][0]

    def to_json(self) -> dict[str, Any]:
        """The chunk as a stage leaves it for the next."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Chunk":
        """The chunk that `to_json` wrote."""
        pages = tuple((int(number), int(start)) for number, start in stored["pages"])
        return cls(int(stored["number"]), int(stored["start"]), stored["text"], pages)

    def to_metadata(self) -> dict[str, Any]:
        """The chunk as metadata of a vector, which holds strings, numbers and lists of strings."""
        pages = [f"{number}:{start}" for number, start in self.pages]
        return {"number": self.number, "start": self.start, "text": self.text, "pages": pages}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any]) -> "Chunk":
        """The chunk that `to_metadata` wrote."""
        pairs = (page.split(":") for page in metadata["pages"])
        pages = tuple((int(number), int(start)) for number, start in pairs)
        return cls(int(metadata["number"]), int(metadata["start"]), metadata["text"], pages)
