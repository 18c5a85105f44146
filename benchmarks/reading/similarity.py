"""How like a text is to its reference: in words that stand in both in the same order, or in characters."""

import re
import unicodedata
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path

_DROPPED = re.compile(r"<!--.*?-->|\]\([^)]*\)|&[a-z]+;|\\(?=[_*|#.\-])")
_HYPHENS = re.compile(r"(?<=\w)-\s*\n\s*(?=\w)")
_MARKS = re.compile(r"[*_#|>`\[\]!~$]+|-{3,}|^\s*(?:[-+•]|\d{1,3}[.)])\s+|\[[ xX]\]|[☐☒☑]", re.MULTILINE)


def similarity(text: str, reference: str) -> float:
    """From 0 to 1; marks of Markdown, the targets of links and the width of blanks aside."""
    matcher = SequenceMatcher(None, words(text), words(reference), autojunk=False)
    return matcher.ratio()


def character_errors(text: str, reference: str) -> float:
    """Characters to be put, taken away or changed until a text is its reference, as a share of that; blanks are one."""
    text, reference = " ".join(text.split()), " ".join(reference.split())
    return _distance(text, reference) / len(reference)


def _distance(text: str, reference: str) -> int:
    """Levenshtein's, a column at a time as the bits of two numbers (Myers 1999): up and down by one."""
    places: dict[str, int] = {}
    for place, character in enumerate(reference):
        places[character] = places.get(character, 0) | 1 << place
    last, every = 1 << len(reference) - 1, (1 << len(reference)) - 1
    up, down, distance = every, 0, len(reference)
    for character in text:
        equal = places.get(character, 0)
        level = ((equal & up) + up ^ up) | equal
        right, left = down | ~(level | up) & every, up & level
        distance += bool(right & last) - bool(left & last)
        right, left = (right << 1 | 1) & every, left << 1 & every
        up, down = left | ~(equal | down | right) & every, right & (equal | down)
    return distance


def words(text: str) -> list[str]:
    """The words of a text, without what only shows its structure."""
    text = _HYPHENS.sub("-", text)  # whether a line ends in a word shows in no reference
    plain = _MARKS.sub(" ", _DROPPED.sub(" ", unicodedata.normalize("NFKC", text)))
    return [word for word in plain.split() if any(map(str.isalnum, word))]


def references(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Files of a corpus and the reviewed texts beside them."""
    for file in sorted(path for path in folder.rglob("*") if path.is_file() and not {"gt"} & set(path.parts)):
        beside = (
            file.parent / "gt" / f"{file.name}.md",
            file.with_name(f"{file.name}.txt"),
            file.with_suffix(".md") if file.suffix == ".pdf" else None,
        )
        found = next((path for path in beside if path and path.exists() and path.stat().st_size), None)
        if found:
            yield file, found
