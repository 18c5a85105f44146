"""What a page of the web says, without its marks. Only the standard library: agents need no layer of parsers."""

import re
from html.parser import HTMLParser

_CHARSET = re.compile(
    r'charset="?(us-ascii|utf-?8|utf-16|iso-8859-1?[1-9]|windows-125[0-8]|koi8-r|shift_jis|euc-jp|euc-kr|gb2312|gbk|big5)\b',
    re.IGNORECASE,
)
_SILENT = {"script", "style", "template", "noscript", "svg"}
_INLINE = {"a", "abbr", "b", "cite", "code", "em", "i", "mark", "q", "s", "small", "span", "strong", "sub", "sup", "u"}
_BLANKS, _LINES = re.compile(r"[^\S\n]+"), re.compile(r"\s*\n\s*")


def readable(data: bytes, kind: str, parameters: str) -> str:
    """The text of a page of a content type; bytes that are no characters are shown as such."""
    named = _CHARSET.search(parameters)
    text = data.decode(named[1] if named else "utf-8", errors="replace")
    return _without_marks(text) if "html" in kind else text


def _without_marks(source: str) -> str:
    page = _Page()
    page.feed(f"{source}<p>")  # which ends the last line; closing reads a torn mark again and again
    text = _BLANKS.sub(" ", "".join(page.pieces))
    return _LINES.sub(lambda blank: "\n\n" if blank[0].count("\n") > 1 else "\n", text).strip()


class _Page(HTMLParser):
    """Collects text, and a line's end at every mark that is no part of a line."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.silent += tag in _SILENT
        self._end_line(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self._end_line(tag)

    def handle_endtag(self, tag: str) -> None:
        self.silent = max(0, self.silent - (tag in _SILENT))
        self._end_line(tag)

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.pieces.append(data)

    def parse_marked_section(self, i: int, report: int = 1) -> int:
        """Of these HTML has none; the parser of some Pythons fails at one that is torn."""
        return self.parse_bogus_comment(i)

    def _end_line(self, tag: str) -> None:
        if tag not in _INLINE:
            self.pieces.append("\n")
