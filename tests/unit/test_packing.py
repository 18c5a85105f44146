import pytest

from quadrille.ask.legs import fused
from quadrille.ask.packing import merged, packed
from quadrille.ask.retrieval import Found
from quadrille.chunks import Chunk, PageStart
from quadrille.vectors import Match

TEXT = "".join(f"Sentence {number:02}. " for number in range(40))


def source(number: int, start: int, end: int, *, document: str = "d", score: float = 0.5) -> Found:
    chunk = Chunk(number, start, TEXT[start:end], (PageStart(1 + start // 100, start),), heading=f"h{number}")
    return Found(chunk, f"{document}#1#{number}", document, f"{document}.md", score)


def test_chunks_that_overlap_become_one_exact_stretch_in_the_place_of_the_best() -> None:
    late, other, early = source(3, 200, 300, score=0.9), source(0, 0, 50, document="e"), source(2, 120, 220, score=0.1)
    joined, left = merged([late, other, early])
    assert (joined.chunk.start, joined.chunk.text, joined.score) == (120, TEXT[120:300], 0.9)
    assert ([page.number for page in joined.chunk.pages], joined.chunk.heading) == ([2, 3], "h2")
    assert left == other


def test_chunks_that_touch_are_merged_and_chunks_with_a_gap_are_not() -> None:
    assert [found.chunk.text for found in merged([source(0, 0, 50), source(1, 50, 90)])] == [TEXT[:90]]
    assert len(merged([source(0, 0, 50), source(1, 51, 90)])) == 2


def test_a_chunk_within_another_adds_nothing_and_loses_nothing() -> None:
    found = merged([source(0, 0, 100), source(1, 10, 40), source(2, 90, 120)])
    assert [source.chunk.text for source in found] == [TEXT[:120]]


def test_chunks_of_different_documents_stay_apart() -> None:
    assert len(merged([source(0, 0, 50), source(1, 40, 90, document="e")])) == 2


@pytest.mark.parametrize(("limit", "kept"), [(1_000, 4), (60, 2), (1, 1)])
def test_the_best_are_kept_within_the_budget_and_one_at_least(limit: int, kept: int) -> None:
    found = [source(number, number * 120, number * 120 + 90) for number in range(4)]
    assert packed(found, limit) == found[:kept]


def test_nothing_found_packs_to_nothing() -> None:
    assert packed([], 10) == []


def match(id_: str) -> Match:
    return Match(id_, 0.7, {"n": id_})


def test_what_both_rankings_have_comes_before_what_leads_one() -> None:
    rankings = [match("a"), match("b")], [match("c"), match("b")]
    assert [found.id for found in fused(*rankings)] == ["b", "a", "c"]


def test_a_single_ranking_keeps_its_order_and_scores() -> None:
    assert fused([match("a"), match("b")]) == [match("a"), match("b")]
