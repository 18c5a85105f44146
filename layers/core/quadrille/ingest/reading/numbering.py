"""The lists of a Word file: bullets and numbers, as Markdown writes them."""

from collections import Counter
from dataclasses import dataclass, field

from quadrille.ingest.reading.ooxml import Package, attribute, child, local

_INDENT = "    "
_DEEPEST = 8
_UNMARKED = {"none", None}


@dataclass(slots=True)
class Numbering:
    """How each level of each list is marked, and how far each has counted."""

    formats: dict[tuple[str, int], str | None]
    counts: Counter[tuple[str, int]] = field(default_factory=Counter)

    @classmethod
    def of(cls, package: Package, main: str) -> "Numbering":
        """The lists of a document."""
        formats: dict[tuple[str, int], str | None] = {}
        for root in package.related(main, "numbering"):
            kinds = {attribute(kind, "abstractNumId"): kind for kind in root if local(kind) == "abstractNum"}
            for number in root:
                kind = kinds.get(attribute(child(number, "abstractNumId"), "val"))
                for level in kind if kind is not None and local(number) == "num" else ():
                    place = attribute(level, "ilvl") or ""
                    if local(level) == "lvl" and place.isdecimal():
                        key = (attribute(number, "numId") or "", int(place))
                        formats[key] = attribute(child(level, "numFmt"), "val")
        return cls(formats)

    def mark(self, item: tuple[str, int]) -> str:
        """What stands before an item of a list, indented by its level; empty for what is not one."""
        list_id, level = item
        format_ = self.formats.get(item)
        if list_id in ("", "0") or format_ in _UNMARKED:
            return ""
        level = min(level, _DEEPEST)
        for deeper in range(level + 1, _DEEPEST + 1):
            self.counts[list_id, deeper] = 0
        self.counts[list_id, level] += 1
        return _INDENT * level + ("-" if format_ == "bullet" else f"{self.counts[list_id, level]}.")
