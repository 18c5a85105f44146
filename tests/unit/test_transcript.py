"""The answer as it is being written: whatever the pieces, it is the beginning of the one given in the end."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quadrille.ask import citations
from quadrille.ask.retrieval import Found
from quadrille.ask.transcript import Transcript, spoken
from quadrille.chunks import Chunk
from quadrille.errors import Abandoned

TEXT = "The warranty lasts 36 months. It covers the battery."
SOURCES = [Found(Chunk(0, 0, TEXT, ()), f"d#1#{n}", "d", "w.pdf", 0.5) for n in range(2)]
HOLDS = {"number": 1, "quote": "lasts 36 months"}
INVENTED = {"number": 2, "quote": "lasts 99 months"}

ANSWERS = st.lists(
    st.one_of(st.text(max_size=8), st.sampled_from(["[1]", " [2]", "[", "]", " ", "😀", "\\", '"', "[1"]))
)


def draft(answer: str, *, supported: bool = True, quotes: Any = (HOLDS, INVENTED), ascii_only: bool = False) -> str:
    fields = {"supported": supported, "citations": list(quotes), "answer": answer}
    return json.dumps(fields, ensure_ascii=ascii_only)


def stream(pieces: list[str]) -> list[str]:
    """What a transcript emits; the time of a reading passes before each piece."""
    said: list[str] = []
    clock = iter(range(1_000_000))
    transcript = Transcript(SOURCES, said.append, clock=lambda: float(next(clock)))
    for piece in pieces:
        transcript(piece)
    return said


def split(text: str, cuts: list[int]) -> list[str]:
    places = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    return [text[start:end] for start, end in pairwise(places)]


@given(ANSWERS.map("".join), st.lists(st.integers(0, 10_000)), st.booleans())
def test_whatever_the_pieces_the_text_is_the_beginning_of_the_checked_answer(
    answer: str, cuts: list[int], ascii_only: bool
) -> None:
    said = "".join(stream(split(draft(answer, ascii_only=ascii_only), cuts)))
    final = citations.without_markers(answer, keep={1})
    assert final.startswith(said)
    assert len(final) - len(said) <= len(" [2]") + answer.count("[") * 8  # what may still become a marker


def test_each_character_comes_as_soon_as_it_is_certain() -> None:
    said = stream(list(draft("It lasts 36 months. [1] Yes.")))
    assert "".join(said) == "It lasts 36 months. [1] Yes."
    assert len([text for text in said if text]) > 20


@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_surrogate_pair_is_never_torn(ascii_only: bool) -> None:
    assert "".join(stream(list(draft("a 😀 b", ascii_only=ascii_only)))) == "a 😀 b"


def test_a_marker_that_does_not_hold_is_never_shown() -> None:
    said = stream(list(draft("It lasts 36 months [1] or 99 [2].")))
    assert "".join(said) == "It lasts 36 months [1] or 99."


@pytest.mark.parametrize(
    "text", [draft("No.", supported=False), draft("Invented.", quotes=[INVENTED]), draft("Bare.", quotes=[]), "{]", ""]
)
def test_of_what_becomes_a_refusal_nothing_is_shown(text: str) -> None:
    assert "".join(stream(list(text))) == ""


@pytest.mark.parametrize("order", [("answer", "supported", "citations"), ("supported", "answer", "citations")])
def test_text_before_its_evidence_is_held_back(order: tuple[str, ...]) -> None:
    fields = json.loads(draft("It lasts 36 months."))
    assert "".join(stream(list(json.dumps({name: fields[name] for name in order})))) == ""


def test_support_may_be_declared_last() -> None:
    fields = json.loads(draft("It lasts 36 months."))
    whole = json.dumps({name: fields[name] for name in ("citations", "answer", "supported")})
    assert spoken(whole[:-6], SOURCES) == ""
    assert spoken(whole, SOURCES) == "It lasts 36 months."


def test_pieces_of_one_interval_are_read_together() -> None:
    said: list[str] = []
    time = 0.0
    transcript = Transcript(SOURCES, said.append, clock=lambda: time)
    for piece in draft("It lasts 36 months."):
        time += 0.001
        transcript(piece)
    assert len([text for text in said if text]) <= 2
    time += 0.05
    transcript("")
    assert "".join(said) == "It lasts 36 months."


def test_an_end_of_the_reader_passes_through() -> None:
    def leave(_: str) -> None:
        raise Abandoned("gone")

    with pytest.raises(Abandoned):
        Transcript(SOURCES, leave)("")
