import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.stack.places import ROOT
from quadrille.chunks import Chunk, PageStart
from quadrille.collections import Size
from quadrille.ingest.reading import Limits, Page
from quadrille.ingest.reading.formats import read
from quadrille.ingest.splitting import split

SMALL = Size(tokens=60, overlap=10)


def test_a_chunk_is_exactly_its_span_of_the_text_and_knows_its_pages() -> None:
    data = (ROOT / "local/samples/warranty-and-returns.pdf").read_bytes()
    extracted = read(data, "warranty.pdf", Limits(pages=100, characters=100_000))
    chunks = list(split(extracted.text, extracted.pages, markdown=False, size=SMALL))
    assert len(chunks) > 4
    for chunk in chunks:
        assert extracted.text[chunk.start : chunk.end] == chunk.text
    answer = "36 months or 1,000 charge cycles"
    chunk = next(chunk for chunk in chunks if answer in chunk.text)
    assert chunk.page_at(extracted.text.index(answer)) == chunk.page == PageStart(2, extracted.pages[1].start)


@settings(deadline=None)  # the machine may be busy
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=800), st.booleans())
def test_every_word_is_in_some_chunk(text: str, markdown: bool) -> None:
    covered = bytearray(len(text))
    for chunk in split(text, [], markdown=markdown, size=Size(tokens=20, overlap=4)):
        assert text[chunk.start : chunk.end] == chunk.text
        covered[chunk.start : chunk.end] = b"\1" * len(chunk.text)
    assert all(inside or text[place].isspace() or not text[place].isprintable() for place, inside in enumerate(covered))


def test_a_chunk_over_a_page_break_finds_the_page_of_each_position() -> None:
    pages = (PageStart(3, 50), PageStart(4, 100), PageStart(5, 120))
    chunk = Chunk(0, 90, "x" * 40, pages)
    found = [chunk.page_at(place) for place in (90, 99, 100, 119, 120, 129)]
    assert [page and page.number for page in found] == [3, 3, 4, 4, 5, 5]
    assert Chunk(0, 0, "x", ()).page_at(0) is None


def test_a_chunk_survives_the_bucket_and_the_vector_store() -> None:
    chunk = Chunk(7, 90, "naïve\ntext", (PageStart(3, 50), PageStart(4, 100, "Plan: 2026")), "Guide > Setup")
    assert Chunk.from_json(chunk.to_json()) == chunk
    assert Chunk.from_metadata(chunk.to_metadata()) == chunk


@pytest.mark.parametrize(
    "text",
    ["a" * 60_000, "word " * 20_000, "日本語" * 10_000, "abc " + " " * 45_000 + "end", "=" * 45_000],
    ids=["one word", "one line", "cjk", "blanks", "a rule"],
)
def test_an_endless_line_is_cut_up_exactly(text: str) -> None:
    chunks = list(split(text, [], markdown=False, size=Size(tokens=400, overlap=40)))
    assert all(text[chunk.start : chunk.end] == chunk.text and len(chunk.text.encode()) < 36_000 for chunk in chunks)
    assert chunks[-1].end == len(text.rstrip())


@pytest.mark.parametrize("prefix", ["> ", ">", "- ", "  - ", "1. ", " > * "])
def test_deeply_nested_markdown_takes_no_longer_than_text(prefix: str) -> None:
    text = "\n".join(prefix * depth + "some words that go on" for depth in range(300))
    started = time.process_time()
    assert list(split(text, [], markdown=True, size=Size(tokens=400, overlap=40)))
    assert time.process_time() - started < 3


GUIDE = (
    """# Guide

Intro.

## Setup

| Part | Price |
| --- | --- |
"""
    + "\n".join(f"| part {n} | {n}.00 and some words to fill the row |" for n in range(40))
    + """

```sh
# no heading
```

### Tools

The last paragraph.
"""
)


def test_a_chunk_carries_the_headings_and_the_table_head_above_it_and_does_not_quote_them() -> None:
    chunks = list(split(GUIDE, [], markdown=True, size=Size(tokens=120, overlap=0)))
    middle = next(chunk for chunk in chunks if chunk.text.startswith("| part 2"))
    assert middle.heading == "Guide > Setup\n| Part | Price |"
    assert middle.embedded == f"Guide > Setup\n| Part | Price |\n\n{middle.text}"
    assert chunks[-1].heading.startswith("Guide > Setup")
    assert all("no heading" not in chunk.heading for chunk in chunks)
    assert not chunks[0].heading


def test_a_table_that_fits_is_not_torn_apart() -> None:
    table = "| a | b |\n| --- | --- |\n" + "\n".join(f"| {n} | some words |" for n in range(12))
    text = f"{'Words before the table. ' * 20}\n\n{table}\n\n{'Words after the table. ' * 20}"
    assert any(table in chunk.text for chunk in split(text, [], markdown=True, size=Size(tokens=150, overlap=0)))


def test_no_chunk_is_a_heading_alone() -> None:
    text = "\n\n".join(f"# Part {n}\n\n## Section\n\n{'Some words of it. ' * 25}" for n in range(5))
    chunks = list(split(text, [], markdown=True, size=Size(tokens=102, overlap=0)))
    assert all("Some words" in chunk.text for chunk in chunks)


def paged(*texts: str) -> tuple[str, list[Page]]:
    starts = [sum(len(text) + 2 for text in texts[:number]) for number in range(len(texts))]
    pages = [Page(n, start, start + len(text)) for n, (start, text) in enumerate(zip(starts, texts, strict=True), 1)]
    return "\n\n".join(texts), pages


def test_a_changed_page_changes_its_own_chunks_and_the_overlap_after_it() -> None:
    words = [" ".join(f"word{page}x{n}" for n in range(200)) for page in range(9)]
    before = {chunk.text for chunk in split(*paged(*words), markdown=False, size=SMALL)}
    words[4] = "Something else. " * 30
    after = list(split(*paged(*words), markdown=False, size=SMALL))
    fresh = [chunk for chunk in after if chunk.text not in before]
    numbers = [chunk.page.number for chunk in fresh if chunk.page]
    assert set(numbers) == {5, 6}
    assert numbers.count(6) == 1


def test_a_sentence_over_a_page_break_is_whole_in_some_chunk() -> None:
    text, pages = paged("The first page ends while the secret", "number is four. And so on it goes.")
    assert any("the secret\n\nnumber is four" in chunk.text for chunk in split(text, pages, markdown=False, size=SMALL))


def test_an_insertion_into_a_long_text_leaves_most_chunks_as_they_are() -> None:
    paragraphs = [f"Paragraph {n} says that {n * 7919 % 1000} is a number. " * 4 for n in range(400)]
    size = Size(tokens=100, overlap=10)
    before = {chunk.text for chunk in split("\n\n".join(paragraphs), [], markdown=False, size=size)}
    paragraphs.insert(100, "Something new.")
    after = [chunk.text for chunk in split("\n\n".join(paragraphs), [], markdown=False, size=size)]
    assert sum(text not in before for text in after) < len(after) / 5
