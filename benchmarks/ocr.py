"""OCR, measured: character errors whichever side of a page is up, fields of invoices, and a verdict on every scan.

`python -m benchmarks.ocr` prints the tables of docs/quality.md.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.extraction import CORPORA, row
from benchmarks.reading.similarity import character_errors
from benchmarks.reading.sweep import LIMITS
from quadrille.errors import TooLarge, Unreadable
from quadrille.ingest.ocr import LEAST
from quadrille.ingest.reading import Recognised
from quadrille.ingest.reading.contained import Reader

TURNS = (0, 90, 180, 270)
SCANS = (".jpg", ".pdf", ".png", ".tif")
_MEGABYTE = 1024 * 1024
_SHORTEST = 4  # characters of a field that stands nowhere by chance


@dataclass(frozen=True)
class Result:
    """What OCR made of a page, its wall clock seconds, its CPU seconds, and bytes of memory at most."""

    recognised: Recognised
    seconds: float
    cpu: float
    peak: int
    refusal: str = ""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ocr", description=__doc__)
    parser.add_argument("--corpora", type=Path, default=CORPORA, help="the folder of the corpora (../shared/corpora)")
    given = parser.parse_args(arguments)
    if not given.corpora.is_dir():
        print(f"there is no folder {given.corpora}", file=sys.stderr)
        return 2
    reader = Reader("recognise")
    for _ in range(2):  # it has imported what it needs, as after its first page
        read(reader, saved(Image.new("L", (100, 100), 255)))
    print_truths(reader, given.corpora / "ocr-truth/tesseract")
    print_invoices(reader, given.corpora / "ocr-truth/invoice2data")
    print_scans(reader, [given.corpora / "ocr-truth", given.corpora / "pdf-edge/scanned"])
    reader.close()
    return 0


def read(reader: Reader, data: bytes, page: int = 1) -> Result:
    started = time.perf_counter()
    found, refusal = Recognised("", 0), ""
    try:
        found = reader.recognise(data, page, "eng", LIMITS)
    except (Unreadable, TooLarge) as error:
        refusal = str(error)
    return Result(found, time.perf_counter() - started, reader.used.cpu, reader.used.peak, refusal)


def print_truths(reader: Reader, folder: Path) -> None:
    """A row for each image that has its text beside it, and for it turned."""
    row("page", "turned", "errors", "sure", "seconds", "CPU s", "peak MB")
    for file, truth in truths(folder):
        image, turned = Image.open(file), "rotated" in file.stem or file.stem.endswith("rot")
        for turn in (0,) if turned else TURNS:
            data = saved(image.rotate(turn, expand=True)) if turn else file.read_bytes()
            result = read(reader, data)
            errors = character_errors(result.recognised.text, truth)
            row(file.name, "as it is" if turned else turn, f"{errors:.3f}", *figures(result))


def truths(folder: Path) -> Iterator[tuple[Path, str]]:
    """Images and their texts; one text is of an image and of its turned copies."""
    for reference in sorted(folder.glob("*.txt")):
        stem = reference.name.split(".gold")[0].removesuffix(".txt")
        for file in sorted(path for path in folder.glob(f"{stem}*") if path.suffix in SCANS):
            yield file, reference.read_text()


def figures(result: Result) -> tuple[object, ...]:
    cells = (result.recognised.confidence, f"{result.seconds:.2f}", f"{result.cpu:.2f}", result.peak // _MEGABYTE)
    return tuple(map(str, cells))


def saved(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def print_invoices(reader: Reader, folder: Path) -> None:
    """A row for each invoice: how many of its fields stand in what was read of its picture."""
    print()
    row("invoice", "fields", "found", "sure", "seconds", "CPU s", "peak MB")
    for file in sorted(path for path in folder.iterdir() if path.suffix in SCANS):
        result = read(reader, file.read_bytes())
        wanted = list(fields(json.loads(file.with_suffix(".json").read_text())))
        text = squeezed(result.recognised.text)
        row(file.name, len(wanted), sum(squeezed(field) in text for field in wanted), *figures(result))


def fields(value: Any) -> Iterator[str]:
    """The texts of a JSON document that stand on the invoice as they are; dates do not."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from fields(inner)
    elif isinstance(value, str) and len(value) >= _SHORTEST and value.count("-") != 2:
        yield value


def squeezed(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())


def print_scans(reader: Reader, folders: list[Path]) -> None:
    """A row for the first page of each image and scanned PDF: what would become of it."""
    print()
    row("page", "words", "sure", "seconds", "CPU s", "peak MB", "verdict")
    for file in sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in SCANS):
        result = read(reader, file.read_bytes())
        words = len(result.recognised.text.split())
        row(file.name[-24:], words, *figures(result), verdict(result))


def verdict(result: Result) -> str:
    if result.refusal:
        return result.refusal
    if not result.recognised.text:
        return "nothing"
    return "text" if result.recognised.confidence >= LEAST else "unsure"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
