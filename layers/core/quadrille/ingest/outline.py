"""The headings of a Markdown text and the heads of its tables: what a passage taken out of it no longer says."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_FENCE = re.compile(r"^(```|~~~)[^\n]*\n.*?^\1[ \t]*$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#{1,6})[ \t]+(\S[^\n]*?)[ \t]*#*[ \t]*$", re.MULTILINE)
_TABLE = re.compile(r"^(\|[^\n]*)\n\|(?:[ \t]*:?-+:?[ \t]*\|)+[ \t]*\n(?:\|[^\n]*(?:\n|\Z))+", re.MULTILINE)
_TITLE, _HEAD = 80, 300  # characters of a heading and of a table's head that are carried on


class Heading(NamedTuple):
    """Where a heading is, the path of those above it, and the path with itself."""

    start: int
    above: str
    path: str


class Table(NamedTuple):
    """Where a table is, and its first row."""

    start: int
    end: int
    head: str


@dataclass(frozen=True, slots=True)
class Outline:
    """The headings and tables of a text, in order."""

    headings: Sequence[Heading] = ()
    tables: Sequence[Table] = ()

    @classmethod
    def of(cls, text: str) -> "Outline":
        """The outline of a Markdown text. What looks like a heading within code is none."""
        code = [match.span() for match in _FENCE.finditer(text)] if "```" in text or "~~~" in text else []
        found = (match for match in _HEADING.finditer(text) if not _within(match.start(), code))
        tables = [Table(match.start(), match.end(), match[1][:_HEAD]) for match in _TABLE.finditer(text)]
        return cls(list(_headings(found)), tables)

    def above(self, position: int) -> str:
        """What stands above a position: the path of headings, and the head of the table it is in the midst of."""
        place = bisect_left(self.headings, position, key=lambda heading: heading.start)
        path = self.headings[place - 1].path if place else ""
        if place < len(self.headings) and self.headings[place].start == position:
            path = self.headings[place].above
        at = bisect_left(self.tables, position, key=lambda table: table.start) - 1
        head = self.tables[at].head if at >= 0 and position < self.tables[at].end else ""
        return "\n".join(filter(None, (path, head)))


def _headings(found: Iterable[re.Match[str]]) -> Iterator[Heading]:
    path: list[tuple[int, str]] = []
    for match in found:
        level = len(match[1])
        path = [entry for entry in path if entry[0] < level]
        above = " > ".join(title for _, title in path)
        path.append((level, match[2][:_TITLE]))
        yield Heading(match.start(), above, " > ".join(title for _, title in path))


def _within(position: int, spans: Sequence[tuple[int, int]]) -> bool:
    at = bisect_right(spans, position, key=lambda span: span[0])
    return bool(at) and position < spans[at - 1][1]
