"""Word files: headings, lists and tables as Markdown. Where its pages end only a layout could tell, so it has none."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from quadrille.ingest.reading import tables
from quadrille.ingest.reading.charts import charts
from quadrille.ingest.reading.extracted import Extracted, Limits, cleaned
from quadrille.ingest.reading.numbering import Numbering
from quadrille.ingest.reading.ooxml import Package, attribute, child, local
from quadrille.ingest.reading.styles import Styles

_SKIPPED = {"Fallback", "del", "moveFrom", "rPr", "pPr", "sdtPr", "sectPr", "tblPr", "instrText", "delText"}
_CHARACTERS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "ptab": "\t"}
_BLOCKS = {"p", "tbl"}
_NOTES = {"footnotes": "footnote", "endnotes": "endnote"}


def read(package: Package, main: str, limits: Limits) -> Extracted:
    """The text of a Word file. Raises `Unreadable` and `TooLarge`."""
    root = package.root(main)
    body = child(root, "body")
    if body is None:
        return Extracted("", markdown=True)
    document = _Document(package, main)
    parts: list[str] = []
    length, previous = 0, ""
    for kind, text in (*document.blocks(body), *document.notes()):
        apart = "" if not parts else "\n" if kind == previous == "list" else "\n\n"
        parts += [apart, text]
        length += len(apart) + len(text)
        limits.check(length)
        previous = kind
    return Extracted(cleaned("".join(parts)), markdown=True)


class _Document:
    """A walk through a document; lists count as it goes."""

    def __init__(self, package: Package, main: str) -> None:
        self.package = package
        self.main = main
        self.related = package.relationships(main)
        self.styles = Styles.of(package, main)
        self.numbering = Numbering.of(package, main)

    def blocks(self, parent: Element) -> Iterator[tuple[str, str]]:
        """The kind and the Markdown of each paragraph, list item and table, in order."""
        for element in parent:
            name = local(element)
            if name == "p":
                yield from self._paragraph(element)
            elif name == "tbl":
                table = tables.markdown([[self._cell(cell) for cell in row] for row in _rows(element)])
                if table:
                    yield "table", table
            elif name not in _SKIPPED:
                yield from self.blocks(element)

    def notes(self) -> Iterator[tuple[str, str]]:
        """Footnotes and endnotes, after the text."""
        for kind, name in _NOTES.items():
            for root in self.package.related(self.main, kind):
                for note in root:
                    text = _flat(" ".join(block for _, block in self.blocks(note)))
                    if local(note) == name and text:
                        yield "note", f"[^{attribute(note, 'id')}]: {text}"

    def _paragraph(self, element: Element) -> Iterator[tuple[str, str]]:
        text = "".join(_inline(element)).strip()
        if text:
            yield self._marked(element, text)
        for box in _boxes(element):
            yield from self.blocks(box)
        for chart in charts(self.package, element, self.related):
            yield "table", chart

    def _marked(self, element: Element, text: str) -> tuple[str, str]:
        """A paragraph as a heading, an item of a list or itself."""
        properties = child(element, "pPr")
        style = attribute(child(properties, "pStyle"), "val") or ""
        level = self.styles.heading(style, properties)
        if level:
            return "heading", f"{'#' * level} {_flat(text)}"
        item = self.numbering.mark(self.styles.numbered(style, properties))
        if item:
            return "list", f"{item} {_flat(text)}"
        return "paragraph", text

    def _cell(self, cell: Element) -> str:
        return _flat(" ".join(text for _, text in self.blocks(cell)))


def _rows(table: Element) -> Iterator[list[Element]]:
    for row in _inside(table, "tr"):
        yield list(_inside(row, "tc"))


def _inside(element: Element, name: str) -> Iterator[Element]:
    """The rows or cells of a table, also those that a content control holds, and not those of a table within."""
    for inner in element:
        if local(inner) == name:
            yield inner
        elif local(inner) in ("sdt", "sdtContent", "customXml", "ins"):
            yield from _inside(inner, name)


def _inline(element: Element) -> Iterator[str]:
    """The characters of a paragraph, without those that lie in boxes."""
    for inner in element:
        name = local(inner)
        if name == "t":
            yield inner.text or ""
        elif name in _CHARACTERS:
            yield _CHARACTERS[name]
        elif name in ("footnoteReference", "endnoteReference"):
            yield f"[^{attribute(inner, 'id')}]"
        elif name not in _SKIPPED and name not in _BLOCKS and name != "txbxContent":
            yield from _inline(inner)


def _boxes(element: Element) -> Iterator[Element]:
    """The text boxes of a paragraph; the copies kept for old programs are left out."""
    for inner in element:
        if local(inner) == "txbxContent":
            yield inner
        elif local(inner) not in _SKIPPED:
            yield from _boxes(inner)


def _flat(text: str) -> str:
    return " ".join(text.split())
