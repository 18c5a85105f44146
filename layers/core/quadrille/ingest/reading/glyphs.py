"""What PDFium gets wrong of a page's characters, mended by where they stand on it.

Each mend is tried only on text that shows the sign of it, because asking for places takes longer than reading.
"""

import ctypes
import re
from dataclasses import dataclass
from typing import Any

_ALEFS = "\u0622\u0623\u0625\u0627"
_MARKS = "\u0591-\u05c7\u064b-\u065f\u0670"
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff]")
# What comes out of one sign in the wrong order: lam-alef, and a letter with its vowel.
_TURNED = re.compile(f"[{_ALEFS}]\u0644|[{_MARKS}][\u05d0-\u05ea\u0621-\u064a]")
_APART = re.compile(r"(?<!\S)[^\W\d_] [^\W\d_](?!\S)")
_MANY = 0.05  # pairs of single letters, per character
_GAP = 0.25  # of a letter's height; a blank is wider
_LINE = "\r\n"


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters of a page, by PDFium's functions."""

    pdfium: Any
    page: Any

    def origin(self, place: int) -> tuple[float, float]:
        """Where a character's sign stands: from the left, from below."""
        x, y = ctypes.c_double(), ctypes.c_double()
        self.pdfium.FPDFText_GetCharOrigin(self.page, place, x, y)
        return x.value, y.value

    def box(self, place: int) -> tuple[float, float, float]:
        """Where a character begins and ends on its line, and its height."""
        left, right, bottom, top = (ctypes.c_double() for _ in range(4))
        self.pdfium.FPDFText_GetCharBox(self.page, place, left, right, bottom, top)
        return left.value, right.value, top.value - bottom.value

    def generated(self, place: int) -> bool:
        """Whether PDFium has put a character where the page has none."""
        return bool(self.pdfium.FPDFText_IsGenerated(self.page, place) == 1)


def mended(text: str, glyphs: Glyphs) -> str:
    """A page's text; `text[place]` is the character at that place of the page."""
    if not text.isascii() and _RIGHT_TO_LEFT.search(text):
        return _in_lines(_turned(text, glyphs), glyphs)
    if text.count(" ") * 3 > len(text) and len(_APART.findall(text)) > len(text) * _MANY:
        return _closed_up(text, glyphs)
    return text


def _turned(text: str, glyphs: Glyphs) -> str:
    """Signs that stand for two letters, which PDFium turns with the line, in the order they are read."""
    characters = list(text)
    for match in _TURNED.finditer(text):
        first, second = match.start(), match.start() + 1
        if glyphs.origin(first) == glyphs.origin(second):
            characters[first], characters[second] = characters[second], characters[first]
    return "".join(characters)


def _in_lines(text: str, glyphs: Glyphs) -> str:
    """Lines that PDFium takes for one, and turns as one, apart and from above to below."""
    lines, start = [], 0
    for line in text.split(_LINE):
        lines.append(_apart(line, start, glyphs) if _RIGHT_TO_LEFT.search(line) else line)
        start += len(line) + len(_LINE)
    return _LINE.join(lines)


def _apart(line: str, start: int, glyphs: Glyphs) -> str:
    parts: list[tuple[float, str]] = []
    for place, character in enumerate(line, start):
        below, height = glyphs.origin(place)[1], glyphs.box(place)[2]
        blank = character.isspace() or glyphs.generated(place)
        if parts and (blank or abs(below - parts[-1][0]) <= max(1.0, height)):
            parts[-1] = (parts[-1][0], parts[-1][1] + character)
        else:
            parts.append((below, character))
    if len(parts) * 2 > len(line):  # it runs up or down the page
        return line
    return _LINE.join(part for _, part in sorted(parts, key=lambda part: -part[0]))


def _closed_up(text: str, glyphs: Glyphs) -> str:
    """Words without the blanks that PDFium sees between the letters of a font whose widths are wrong."""
    kept = []
    for place, character in enumerate(text):
        inner = 0 < place < len(text) - 1 and character == " " and glyphs.generated(place)
        if not inner or _is_gap(glyphs.box(place - 1), glyphs.box(place + 1)):
            kept.append(character)
    return "".join(kept)


def _is_gap(left: tuple[float, float, float], right: tuple[float, float, float]) -> bool:
    return right[0] < left[0] or right[0] - left[1] > _GAP * max(left[2], right[2])
