"""The paragraph styles of a Word file: which are headings, and which make lists."""

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from quadrille.ingest.reading.ooxml import Package, attribute, child, local

_HEADING = re.compile(r"heading ?(\d)", re.IGNORECASE)
_DEEPEST = 6  # of Markdown's headings
_LONGEST_CHAIN = 20  # of styles based on styles


@dataclass(frozen=True, slots=True)
class Styles:
    """Style elements by their ids."""

    by_id: dict[str, Element]

    @classmethod
    def of(cls, package: Package, main: str) -> "Styles":
        """The styles of a document."""
        roots = package.related(main, "styles")
        styles = (style for root in roots for style in root if local(style) == "style")
        return cls({attribute(style, "styleId") or "": style for style in styles})

    def heading(self, style: str, properties: Element | None) -> int:
        """A heading's level from 1 to 6; 0 for a paragraph that is none."""
        outline = attribute(child(properties, "outlineLvl"), "val")
        for element in self._chain(style):
            name = attribute(child(element, "name"), "val") or ""
            if name.lower() == "title":
                return 1
            heading = _HEADING.fullmatch(name)
            if heading:
                return min(max(1, int(heading[1])), _DEEPEST)
            outline = outline or attribute(child(element, "pPr", "outlineLvl"), "val")
        return int(outline) + 1 if outline and outline.isdecimal() and int(outline) < _DEEPEST else 0

    def numbered(self, style: str, properties: Element | None) -> tuple[str, int]:
        """The list and the level a paragraph belongs to, by itself or by its style; no list for an empty id."""
        list_id = level = None
        for place in (properties, *(child(element, "pPr") for element in self._chain(style))):
            numbers = child(place, "numPr")
            list_id = list_id or attribute(child(numbers, "numId"), "val")
            level = level or attribute(child(numbers, "ilvl"), "val")
        return list_id or "", int(level) if level and level.isdecimal() else 0

    def _chain(self, style: str) -> list[Element]:
        """A style and those it is based on."""
        chain: list[Element] = []
        while style in self.by_id and len(chain) < _LONGEST_CHAIN:
            chain.append(self.by_id[style])
            style = attribute(child(self.by_id[style], "basedOn"), "val") or ""
        return chain
