"""HTML as Markdown. Nothing is fetched or run: scripts, styles, frames and the targets of links are left out."""

import re
from typing import Any

from quadrille.ingest.reading.encodings import decoded
from quadrille.ingest.reading.extracted import Extracted, Limits, cleaned

_SILENT = ("script", "style", "template", "noscript", "iframe", "object", "svg", "head", "title")
_LINES = re.compile(r"\n{3,}")


def read(data: bytes, limits: Limits) -> Extracted:
    """The text of a page. Raises `Unreadable` and `TooLarge`."""
    return Extracted(to_markdown(decoded(data), limits), markdown=True)


def to_markdown(source: str, limits: Limits) -> str:
    """Headings, lists, tables and code as Markdown; what is only emphasis or a link as plain words, to be quoted."""
    from quadrille.ingest.reading.soup import soup_of

    limits.check(len(source) // 4)  # a page is mostly marks; a tree of it takes twenty times its size
    soup = soup_of(source)
    title = cleaned(" ".join(soup.title.get_text().split())) if soup.title else ""
    for element in soup.find_all(_SILENT):
        element.decompose()
    headed = soup.find("h1") is not None
    text = _LINES.sub("\n\n", cleaned(_converter().convert_soup(soup))).strip()
    return text if headed or not title else f"# {title}\n\n{text}".strip()


def _converter() -> Any:
    import markdownify

    class Converter(markdownify.MarkdownConverter):
        """Markdownify, with the description for an image."""

        def convert_img(self, element: Any, text: str, parent_tags: Any) -> str:
            return str(element.get("alt") or "")

        def convert_input(self, element: Any, text: str, parent_tags: Any) -> str:
            marks = {"checkbox": ("[ ] ", "[x] "), "radio": ("( ) ", "(x) ")}.get(str(element.get("type")).lower())
            return marks["checked" in element.attrs] if marks else ""

    return Converter(
        heading_style=markdownify.ATX,
        bullets="-",
        strip=["a", "b", "strong", "i", "em", "del", "s", "u"],
        escape_asterisks=False,
        escape_underscores=False,
        escape_misc=False,
        table_infer_header=True,
    )
