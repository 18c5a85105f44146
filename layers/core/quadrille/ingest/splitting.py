"""Splitting a text into chunks with exact positions, each with the headings it stands under.

A text is cut at its pages, and without pages at paragraphs that their own words choose; then each stretch is split on
its own. So a change moves the chunks of its stretch and no others, and what has not changed is not embedded again.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from zlib import crc32

from semantic_text_splitter import MarkdownSplitter, TextSplitter

from quadrille.chunks import Chunk, PageStart
from quadrille.collections import Size
from quadrille.ingest.outline import Outline
from quadrille.ingest.reading import Page

# Its tokenizer is compiled into the splitter; models that count otherwise differ by a few per cent.
_TOKENIZER = "text-embedding-3-small"
_CHARACTERS_A_TOKEN = 4
_LINE = 10_000  # characters
_MARKER = r"(?:>|[-+*](?=[ \t])|\d{1,9}[.)](?=[ \t]))"
# Quotes and lists in one another: the splitter's time grows with their depth, from 0.5 s a megabyte to minutes.
_NESTED = re.compile(rf"^(?:(?:[ \t]*{_MARKER}){{16,}}|[ \t]{{64,}}{_MARKER})", re.MULTILINE)
_ENDLESS = re.compile(rf"[^\n]{{{_LINE + 1},}}")
_PARAGRAPH = re.compile(r"\n[ \t]*\n+(?=(.{1,200}))")
_ONE_IN = 32  # paragraphs that begin a stretch: some 2,000 tokens
_WORD = re.compile(r"(?<!\S)\S")
_HEADINGS_ONLY = re.compile(r"(?:\s*#{1,6}[ \t][^\n]{0,200})+\s*")

Span = tuple[int, int]


def split(text: str, pages: Sequence[Page], *, markdown: bool, size: Size) -> Iterator[Chunk]:
    """Chunks in order, each `text[start:end]` exactly.

    Markdown that is nested deeper than anybody reads is split as plain text. Where a page breaks running text, its
    first chunk begins with the overlap, the end of the page before.
    """
    kind = MarkdownSplitter if markdown and not _NESTED.search(text) else TextSplitter
    splitter = kind.from_tiktoken_model(_TOKENIZER, size.tokens, size.overlap)
    outline = Outline.of(text) if markdown else Outline()
    starts = [PageStart(page.number, page.start, page.label) for page in pages]
    stretches = [(page.start, page.end) for page in pages] if pages else _stretches(text)
    back = size.overlap * _CHARACTERS_A_TOKEN if pages and not markdown else 0
    number = before = 0
    for stretch in stretches:
        for start, end in _reaching_back(text, _joined(text, _pieces(text, stretch, splitter)), before, back):
            yield Chunk(number, start, text[start:end], _touched(starts, start, end), outline.above(start))
            number += 1
        before = stretch[0]


def _touched(pages: Sequence[PageStart], start: int, end: int) -> tuple[PageStart, ...]:
    """The pages from the one that holds `start` to the last one that begins before `end`."""
    first = bisect_right(pages, start, key=lambda page: page.start) - 1
    return tuple(pages[max(0, first) : bisect_left(pages, end, key=lambda page: page.start)])


def _stretches(text: str) -> Iterator[Span]:
    """Stretches of a text without pages, cut before each paragraph whose first words' checksum says so.

    A heading stays with what it heads.
    """
    start = 0
    for blank in _PARAGRAPH.finditer(text):
        headed = text.startswith("#", text.rfind("\n", start, blank.start()) + 1)
        if not headed and crc32(blank[1].encode("utf-8", "surrogatepass")) % _ONE_IN == 0:
            yield start, blank.end()
            start = blank.end()
    yield start, len(text)


def _pieces(text: str, stretch: Span, splitter: MarkdownSplitter | TextSplitter) -> Iterator[Span]:
    for first, last in _lines(text, stretch):
        for start, piece in splitter.chunk_indices(text[first:last]):
            yield first + start, first + start + len(piece)


def _lines(text: str, stretch: Span) -> Iterator[Span]:
    """Spans to split one by one: on an endless line the splitter takes quadratic time, so such a line is cut up."""
    start, stop = stretch
    for line in _ENDLESS.finditer(text, start, stop):
        yield start, line.start()
        start = line.start()
        while line.end() - start > _LINE:
            cut = text.rfind(" ", start + 1, start + _LINE) + 1 or start + _LINE
            yield start, cut
            start = cut
    yield start, stop


def _joined(text: str, spans: Iterator[Span]) -> Iterator[Span]:
    """The spans, with those of headings alone taken to what follows them."""
    held: int | None = None
    for start, end in spans:
        first = start if held is None else held
        held = first if _HEADINGS_ONLY.fullmatch(text, start, end) else None
        if held is None:
            yield first, end
    if held is not None:
        yield held, end


def _reaching_back(text: str, spans: Iterator[Span], floor: int, back: int) -> Iterator[Span]:
    """The spans, the first of which begins up to `back` characters earlier, with a word at or after `floor`."""
    for start, end in spans:
        earliest = max(floor, start - back)
        word = _WORD.search(text, earliest, start) if back else None
        yield (word.start() if word else start), end
        back = 0
