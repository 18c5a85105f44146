"""Documents of realistic size that no run shares with another: prose with headings, lists and a table here and there.

The sentences are those of the samples, so words repeat as they do in prose; a record number in every paragraph makes
each paragraph the only one of its kind.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from fpdf import FPDF

from local.stack.places import ROOT

_PAGE_WORDS = 450
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True, slots=True)
class Corpus:
    """Documents by number. Another `seed` gives other ones."""

    seed: str

    def markdown(self, number: int, words: int) -> str:
        """A document of about so many words."""
        random = Random(f"{self.seed}/{number}")
        return f"# Report {number}\n\n" + "\n\n".join(_blocks(random, f"{number}", words)) + "\n"

    def report(self, number: int) -> bytes:
        """A Markdown document of three to six pages; any ten in a row are of the same ten lengths."""
        return self.markdown(number, int((3 + number % 10 / 3) * _PAGE_WORDS)).encode()

    def pages(self, number: int, count: int) -> list[str]:
        """The texts of a document's pages: plain paragraphs."""
        random = Random(f"{self.seed}/{number}")
        return [
            "\n\n".join(_paragraph(random, f"{number}-{page}-{part}", _PAGE_WORDS // 5) for part in range(5))
            for page in range(count)
        ]

    def of_chunks(self, number: int, chunks: int) -> bytes:
        """A plain text of about so many chunks of 400 tokens."""
        random = Random(f"{self.seed}/{number}")
        parts = (_paragraph(random, f"{number}-{part}", 85) for part in range(3 * chunks))
        return "\n\n".join(parts).encode()


def one_page_changed(seed: str) -> tuple[list[str], list[str]]:
    """The pages of a document of forty, and the same with the sixth rewritten."""
    corpus = Corpus(seed)
    before = corpus.pages(0, 40)
    return before, [*before[:5], *corpus.pages(1, 1), *before[6:]]


def pdf(pages: Sequence[str]) -> bytes:
    """A PDF of these pages."""
    document = FPDF(format="A4")
    document.set_auto_page_break(auto=False)
    document.set_font("helvetica", size=10)
    for text in pages:
        document.add_page()
        document.multi_cell(w=0, h=5, text=text.encode("latin-1", "replace").decode("latin-1"))
    return bytes(document.output())


def _blocks(random: Random, name: str, words: int) -> Iterator[str]:
    part = 0
    while words > 0:
        part += 1
        if part % 6 == 1:
            yield f"## {part // 6 + 1}. {_title(random)}"
        block = _table(random, f"{name}-{part}") if part % 11 == 0 else _paragraph(random, f"{name}-{part}", 90)
        words -= len(block.split())
        yield block


def _title(random: Random) -> str:
    return " ".join(random.choice(_sentences()).split()[:5]).strip(".,:;")


def _paragraph(random: Random, name: str, words: int) -> str:
    sentences = [f"Record {name}-{random.randrange(10**6)} was filed."]
    while sum(len(sentence.split()) for sentence in sentences) < words:
        sentences.append(random.choice(_sentences()))
    return " ".join(sentences)


def _table(random: Random, name: str) -> str:
    rows = [f"| {name}-{row} | {random.randrange(10_000)} | {random.choice(_sentences())[:40]} |" for row in range(6)]
    return "\n".join(["| record | amount | remark |", "|---|---|---|", *rows])


@cache
def _sentences() -> list[str]:
    """Prose of the samples, a sentence each."""
    texts = [path.read_text() for path in sorted((ROOT / "local/samples/sources").glob("*.md"))]
    lines = [line for text in texts for line in text.split("\n\n") if line[:1].isalpha()]
    return [" ".join(sentence.split()) for line in lines for sentence in _SENTENCE.split(line) if " " in sentence]
