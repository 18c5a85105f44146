"""How like a text is to its reference: the share of words that stand in both in the same order."""

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
