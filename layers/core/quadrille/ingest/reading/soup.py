"""A tree of an HTML page, with the end tags that HTML lets its writers leave out (HTML Living Standard, 13.1.2.4)."""

from typing import Any

from bs4 import BeautifulSoup

_TABLE = frozenset({"table"})
_LIST = frozenset({"ul", "ol", "menu", "dl"})
# A start tag, what it ends, and what it does not reach out of.
_ENDS = {
    "li": (frozenset({"li"}), _LIST),
    "dt": (frozenset({"dt", "dd"}), _LIST),
    "dd": (frozenset({"dt", "dd"}), _LIST),
    "td": (frozenset({"td", "th"}), _TABLE),
    "th": (frozenset({"td", "th"}), _TABLE),
    "tr": (frozenset({"tr"}), _TABLE),
    "thead": (frozenset({"thead", "tbody", "tfoot"}), _TABLE),
    "tbody": (frozenset({"thead", "tbody", "tfoot"}), _TABLE),
    "tfoot": (frozenset({"thead", "tbody", "tfoot"}), _TABLE),
    "option": (frozenset({"option"}), frozenset({"select"})),
    "p": (frozenset({"p"}), frozenset({"div", "li", "dd", "td", "th", "section", "article", "blockquote", "body"})),
}


class _Soup(BeautifulSoup):
    """Python's own HTML parser, which is lenient and ends nothing by itself."""

    def handle_starttag(self, name: str, *args: Any, **more: Any) -> Any:
        """Open an element, after closing those it ends."""
        ends, within = _ENDS.get(name, (frozenset(), frozenset()))
        for element in reversed(self.tagStack if ends else []):
            if element.name in within:
                break
            if element.name in ends:
                self.handle_endtag(element.name)
                break
        return super().handle_starttag(name, *args, **more)


def soup_of(source: str) -> BeautifulSoup:
    """The tree of a page."""
    return _Soup(source, "html.parser")
