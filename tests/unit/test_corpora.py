"""Real and hostile files of public projects, where they lie beside the repository: each ends as a verdict."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack.places import ROOT
from quadrille.errors import TooLarge, Unreadable
from quadrille.ingest.reading import Limits
from quadrille.ingest.reading.contained import Reader

CORPORA = ROOT.parent / "shared/corpora"
FOLDERS = ("hostile-docs", "pdf-edge", "email-mime", "office-html")
LIMITS = Limits(pages=5_000, characters=20_000_000)


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    reader = Reader()
    yield reader
    reader.close()


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_ends_as_text_or_as_a_refusal(folder: str, reader: Reader) -> None:
    files = [path for path in (CORPORA / folder).rglob("*") if path.is_file()]
    if not files:
        pytest.skip(f"there is no folder {folder} of corpora")
    assert {file.name: verdict for file in files if "crashes" in (verdict := verdict_on(file, reader))} == {}


def verdict_on(file: Path, reader: Reader) -> str:
    try:
        extracted = reader.read(file.read_bytes(), file.name, LIMITS)
    except (Unreadable, TooLarge) as error:
        return str(error)
    assert extracted.text.strip() or extracted.missing or extracted.attachments, file
    return "text"
