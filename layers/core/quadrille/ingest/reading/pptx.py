"""PowerPoint files: a page for each slide, with its title as heading, its tables, the data of its charts, its notes."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from quadrille.errors import TooLarge
from quadrille.ingest.reading import tables
from quadrille.ingest.reading.charts import charts
from quadrille.ingest.reading.extracted import Extracted, Limits, Missing, cleaned, joined
from quadrille.ingest.reading.ooxml import Package, attribute, child, descendants, local, relationship_id

_TITLES = ("title", "ctrTitle")
_FURNITURE = ("dt", "ftr", "hdr", "sldNum", "sldImg")
_PICTURE = "The slide shows a picture and has no text."
_INDENT = "    "


def read(package: Package, main: str, limits: Limits) -> Extracted:
    """The text of a presentation, slide by slide. Raises `Unreadable` and `TooLarge`."""
    missing: list[Missing] = []
    text, pages = joined(_slides(package, main, limits, missing), limits)
    return Extracted(text, pages, tuple(missing), markdown=True)


def _slides(package: Package, main: str, limits: Limits, missing: list[Missing]) -> Iterator[tuple[str, str]]:
    """Each slide's title and text; one that is but a picture is noted."""
    related = package.relationships(main)
    listed = child(package.root(main), "sldIdLst")
    ids = [relationship_id(slide) for slide in (listed if listed is not None else ())]
    if len(ids) > limits.pages:
        raise TooLarge(f"The presentation has {len(ids)} slides; the limit is {limits.pages}.")
    for number, target in enumerate((related[key].target for key in ids if key in related), start=1):
        root = package.root(target)
        slide = _Slide(package, target)
        blocks = list(slide.blocks(child(root, "cSld", "spTree")))
        if not blocks and root is not None and next(descendants(root, "pic"), None) is not None:
            missing.append(Missing(_PICTURE, page=number))
        yield slide.title, cleaned("\n\n".join([*blocks, *slide.notes()]))


class _Slide:
    """A walk through the shapes of one slide."""

    def __init__(self, package: Package, name: str) -> None:
        self.package = package
        self.name = name
        self.related = package.relationships(name)
        self.title = ""

    def blocks(self, tree: Element | None) -> Iterator[str]:
        """The Markdown of each shape that has text, in order."""
        for shape in tree if tree is not None else ():
            match local(shape):
                case "sp":
                    yield from self._shape(shape)
                case "graphicFrame":
                    yield from self._frame(shape)
                case "grpSp" | "AlternateContent" | "Choice":
                    yield from self.blocks(shape)

    def notes(self) -> Iterator[str]:
        """The speaker's notes."""
        for root in self.package.related(self.name, "notesSlide"):
            text = "\n\n".join(_Slide(self.package, "").blocks(child(root, "cSld", "spTree")))
            if text:
                yield f"Notes: {text}"

    def _shape(self, shape: Element) -> Iterator[str]:
        holder = child(shape, "nvSpPr", "nvPr", "ph")
        role = (attribute(holder, "type") or "body") if holder is not None else ""
        body = child(shape, "txBody")
        if body is None or role in _FURNITURE:
            return
        text = "\n".join(_paragraphs(body, listed=role in ("body", "obj")))
        if role in _TITLES and text.strip():
            self.title = self.title or " ".join(text.split())
            yield f"# {' '.join(text.split())}"
        elif text.strip():
            yield text

    def _frame(self, frame: Element) -> Iterator[str]:
        for table in descendants(frame, "tbl"):
            rows = [
                [" ".join(_paragraphs(cell)) for cell in descendants(row, "tc")] for row in descendants(table, "tr")
            ]
            yield tables.markdown(rows)
        yield from charts(self.package, frame, self.related)


def _paragraphs(body: Element, *, listed: bool = False) -> Iterator[str]:
    """A shape's paragraphs; several in the body of a slide are a list, and so is what has a bullet or a number."""
    paragraphs = [(paragraph, _text(paragraph)) for paragraph in descendants(body, "p")]
    filled = [(paragraph, text) for paragraph, text in paragraphs if text]
    count = 0
    for paragraph, text in filled:
        properties = child(paragraph, "pPr")
        level = attribute(properties, "lvl") or "0"
        plain = child(properties, "buNone") is not None
        numbered = child(properties, "buAutoNum") is not None
        marked = numbered or child(properties, "buChar") is not None or (listed and len(filled) > 1)
        count = count + 1 if numbered else 0
        mark = f"{count}. " if numbered else "- "
        indent = _INDENT * min(8, int(level)) if level.isdecimal() else ""
        yield f"{indent}{mark}{text}" if marked and not plain else text


def _text(paragraph: Element) -> str:
    parts = (" " if local(run) == "br" else run.text or "" for run in descendants(paragraph, "t", "br"))
    return " ".join("".join(parts).split())
