import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.stack.places import ROOT
from quadrille.chunks import Chunk
from quadrille.ingest.chunk import Size, split
from quadrille.ingest.reading import Limits
from quadrille.ingest.reading.formats import read

SMALL = Size(tokens=60, overlap=10, batch=8)


def test_a_chunk_is_exactly_its_span_of_the_text_and_knows_its_pages() -> None:
    data = (ROOT / "local/samples/warranty-and-returns.pdf").read_bytes()
    extracted = read(data, "warranty.pdf", Limits(pages=100, characters=100_000))
    pages = [(page.number, page.start, page.end) for page in extracted.pages]
    chunks = list(split(extracted.text, pages, markdown=False, size=SMALL))
    assert len(chunks) > 4
    for chunk in chunks:
        assert extracted.text[chunk.start : chunk.end] == chunk.text
    answer = "36 months or 1,000 charge cycles"
    chunk = next(chunk for chunk in chunks if answer in chunk.text)
    assert chunk.page_at(extracted.text.index(answer)) == 2


@settings(deadline=None)  # the machine may be busy
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=800), st.booleans())
def test_every_word_is_in_some_chunk(text: str, markdown: bool) -> None:
    covered = bytearray(len(text))
    for chunk in split(text, [], markdown=markdown, size=Size(tokens=20, overlap=4, batch=8)):
        assert text[chunk.start : chunk.end] == chunk.text
        covered[chunk.start : chunk.end] = b"\1" * len(chunk.text)
    assert all(inside or text[place].isspace() or not text[place].isprintable() for place, inside in enumerate(covered))


def test_a_chunk_over_a_page_break_finds_the_page_of_each_position() -> None:
    chunk = Chunk(0, 90, "x" * 40, ((3, 50), (4, 100), (5, 120)))
    assert [chunk.page_at(place) for place in (90, 99, 100, 119, 120, 129)] == [3, 3, 4, 4, 5, 5]
    assert Chunk(0, 0, "x", ()).page_at(0) is None


def test_a_chunk_survives_the_bucket_and_the_vector_store() -> None:
    chunk = Chunk(7, 90, "naïve\ntext", ((3, 50), (4, 100)))
    assert Chunk.from_json(chunk.to_json()) == chunk
    assert Chunk.from_metadata(chunk.to_metadata()) == chunk


@pytest.mark.parametrize(
    "text",
    ["a" * 60_000, "word " * 20_000, "日本語" * 10_000, "abc " + " " * 45_000 + "end", "=" * 45_000],
    ids=["one word", "one line", "cjk", "blanks", "a rule"],
)
def test_an_endless_line_is_cut_up_exactly(text: str) -> None:
    chunks = list(split(text, [], markdown=False, size=Size(tokens=400, overlap=40, batch=8)))
    assert all(text[chunk.start : chunk.end] == chunk.text and len(chunk.text.encode()) < 36_000 for chunk in chunks)
    assert chunks[-1].end == len(text.rstrip())


@pytest.mark.parametrize("prefix", ["> ", ">", "- ", "  - ", "1. ", " > * "])
def test_deeply_nested_markdown_takes_no_longer_than_text(prefix: str) -> None:
    text = "\n".join(prefix * depth + "some words that go on" for depth in range(300))
    started = time.process_time()
    assert list(split(text, [], markdown=True, size=Size(tokens=400, overlap=40, batch=8)))
    assert time.process_time() - started < 3
