"""Sentences as exact slices of the text they stand in, so that a quote can be found again by plain search.
A sentence also ends at a blank line, a heading, a list item or a table row; soft line breaks stay inside it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from local.models.words import word_set

LONGEST_SENTENCE = 600  # characters; beyond it a "sentence" is a list or a table, and no quote

ABBREVIATIONS = word_set(
    """
    adj al approx apt art ave bros capt ch cf col corp dept dr ed e.g eq est etc fig figs gen gov hon i.e inc jr lt ltd
    maj mr mrs ms mt op pp pres prof pt rep rev sec sen sgt sr st u.s u.k vol vs jan feb mar apr jun jul aug
    sep sept oct nov dec
    """
)

BLOCK_BREAK = re.compile(r"(?:\r?\n[ \t]*){2,}|\r?\n(?=[ \t]*(?:(?:[-*•‣▪●o\u2013]|\d{1,3}[.)]|#{1,6})[ \t]+\S|\|))")
HEADING = re.compile(r"[ \t]*#{1,6}[ \t]")
SENTENCE_END = re.compile(
    r"(?<=[\u3002\uff01\uff1f])|[.!?…][\"'\u201d\u2019)\]]*(?=\s+[\"'\u201c\u2018(\[¿¡]*[^\Wa-z_])"
)
CLAUSE_END = re.compile(r"[;,:\n]\s+|\s+")
LAST_TOKEN = re.compile(r"[^\s\"'\u201c\u2018(\[]+$")
ORDER = re.compile(
    r"\W*(?:please )?(?:now )?(?:ignore|disregard|forget|override)\b.{0,60}\b(?:instruction|prompt|rule|guideline|above"
    r"|previous|prior|told)",
    re.IGNORECASE | re.DOTALL,
)
SHORT_LINE = 48  # characters; a shorter line without closing punctuation, before a capital, is a heading


@dataclass(frozen=True, slots=True)
class Sentence:
    """`text` is the source's own characters from `start` on, without surrounding white space."""

    text: str
    start: int


def split_sentences(text: str) -> list[Sentence]:
    """The sentences of `text` in order; together they hold every visible character of it."""
    found: list[Sentence] = []
    for start, end in _blocks(text):
        for first, last in _sentence_spans(text, start, end):
            found.extend(_slices(text, first, last))
    return found


def split_statements(text: str) -> list[Sentence]:
    """The sentences without those that order the model reading them to drop its own orders: they answer nothing."""
    return [sentence for sentence in split_sentences(text) if not ORDER.match(sentence.text)]


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for line_end, next_line in _breaks(text):
        yield start, line_end
        start = next_line
    yield start, len(text)


def _breaks(text: str) -> Iterator[tuple[int, int]]:
    hard = [match.span() for match in BLOCK_BREAK.finditer(text)]
    soft = [(m.start(), m.end()) for m in re.finditer(r"\r?\n", text) if _is_heading_end(text, m.start(), m.end())]
    yield from sorted({*hard, *soft})


def _is_heading_end(text: str, line_end: int, next_line: int) -> bool:
    line = text[text.rfind("\n", 0, line_end) + 1 : line_end].strip()
    if HEADING.match(line):
        return True
    following = text[next_line : next_line + 1]
    return (
        0 < len(line) < SHORT_LINE and line[-1] not in ".,;:!?-\u2013(" and (following.isupper() or following.isdigit())
    )


def _sentence_spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    begin = start
    for match in SENTENCE_END.finditer(text, start, end):
        if match.end() > begin and not _is_abbreviated(text, begin, match.start()):
            yield begin, match.end()
            begin = match.end()
    yield begin, end


def _is_abbreviated(text: str, start: int, stop: int) -> bool:
    """Whether the full stop at `stop` closes an abbreviation, an initial or a list number, not a sentence."""
    if text[stop : stop + 1] != ".":
        return False
    token = LAST_TOKEN.search(text, max(start, stop - 24), stop)
    if token is None:
        return True
    word = token.group().lower()
    return (
        word in ABBREVIATIONS or (len(word) == 1 and word.isalpha()) or (word.isdigit() and token.start() <= start + 1)
    )


def _slices(text: str, start: int, end: int) -> Iterator[Sentence]:
    """The stripped slice, cut at clauses where it is longer than a quote may be."""
    while end - start > LONGEST_SENTENCE:
        cuts = [
            match.end() for match in CLAUSE_END.finditer(text, start + LONGEST_SENTENCE // 2, start + LONGEST_SENTENCE)
        ]
        cut = cuts[-1] if cuts else start + LONGEST_SENTENCE
        yield from _stripped(text, start, cut)
        start = cut
    yield from _stripped(text, start, end)


def _stripped(text: str, start: int, end: int) -> Iterator[Sentence]:
    piece = text[start:end]
    bare = piece.strip()
    if bare:
        yield Sentence(bare, start + len(piece) - len(piece.lstrip()))
