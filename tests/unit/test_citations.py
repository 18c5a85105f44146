from dataclasses import replace

import pytest

from quadrille.ask.citations import Quote, check, confidence, without_markers
from quadrille.ask.retrieval import Found
from quadrille.chunks import Chunk, PageStart

TEXT = "The warranty lasts\n36 months. It covers   the battery (a+b)."
SOURCE = Found(Chunk(0, 1_000, TEXT, (PageStart(4, 900), PageStart(5, 1_020))), "d#1#0", "d", "w.pdf", 0.5)


@pytest.mark.parametrize(
    ("quote", "shown", "start", "page"),
    [
        ("The warranty lasts", "The warranty lasts", 1_000, 4),
        ("lasts 36 months.", "lasts\n36 months.", 1_013, 4),
        ("covers the battery (a+b).", "covers   the battery (a+b).", 1_033, 5),
    ],
)
def test_a_quote_is_shown_verbatim_with_its_span_and_page(quote: str, shown: str, start: int, page: int) -> None:
    [citation] = check([Quote(number=1, quote=quote)], [SOURCE])
    assert (citation.quote, citation.start, citation.end, citation.page) == (shown, start, start + len(shown), page)


@pytest.mark.parametrize(
    ("number", "quote"),
    [(1, "the warranty lasts"), (1, "37 months"), (1, "  "), (0, "36 months"), (2, "36 months"), (-1, "36 months")],
)
def test_a_citation_that_does_not_hold_is_dropped(number: int, quote: str) -> None:
    assert check([Quote(number=number, quote=quote)], [SOURCE]) == []


def test_the_same_citation_twice_is_one() -> None:
    assert len(check([Quote(number=1, quote="36 months")] * 2, [SOURCE])) == 1


def test_markers_without_a_citation_are_taken_out() -> None:
    assert without_markers("A [1]. B [2][3].", keep={1, 3}) == "A [1]. B[3]."


@pytest.mark.parametrize(
    ("text", "quotes", "sure"),
    [
        ("It lasts 36 months [1].", ["36 months."], 1.0),
        ("It lasts 36 months. [1] It covers the battery. [1]", ["36 months."], 1.0),
        ("It lasts 36 months. [1] We pay for all else.", ["36 months."], 0.5),
        ("It lasts 36 months [1].", ["36 months.", "37 months."], 0.5),
    ],
)
def test_a_text_is_as_sure_as_its_quotes_and_sentences(text: str, quotes: list[str], sure: float) -> None:
    offered = [Quote(number=1, quote=quote) for quote in quotes]
    held = check(offered, [SOURCE])
    assert confidence(text, held, offered=offered, sources=[SOURCE]) == sure


def test_evidence_that_fits_less_well_than_other_passages_makes_less_sure() -> None:
    offered = [Quote(number=1, quote="36 months.")]
    better = replace(SOURCE, score=1.0)
    held = check(offered, [SOURCE, better])
    assert confidence("36 months [1].", held, offered=offered, sources=[SOURCE, better]) == 0.5
