"""Every file of a folder, and what became of it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from quadrille.errors import QuadrilleError, TooLarge, Unreadable
from quadrille.ingest.reading import Extracted, Limits
from quadrille.ingest.reading.contained import Reader

LIMITS = Limits(pages=5_000, characters=20_000_000)


@dataclass(frozen=True)
class Verdict:
    """What became of a file: `text`, `partial` (pages or attachments are missing), `pictures` (all of them are for
    OCR), `refused`, `too large` or `crash`; seconds of wall clock and of CPU, bytes of memory at most."""

    file: Path
    name: str
    detail: str
    seconds: float
    cpu: float
    peak: int
    extracted: Extracted | None = None


def sweep(folder: Path, reader: Reader) -> Iterator[Verdict]:
    """A verdict for each file below a folder."""
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        yield read(file, reader)


def read(file: Path, reader: Reader) -> Verdict:
    """The verdict on one file."""
    return judge(file, file.read_bytes(), reader)


def judge(file: Path, data: bytes, reader: Reader) -> Verdict:
    """The verdict on the bytes of a file of some name."""
    started, before = time.perf_counter(), time.process_time()
    extracted, name, detail = None, "crash", ""
    try:
        extracted = reader.read(data, file.name, LIMITS)
        name, detail = _named(extracted)
    except Unreadable as error:
        name, detail = ("crash" if "crashes" in str(error) else "refused"), str(error)
    except TooLarge as error:
        name, detail = "too large", str(error)
    except QuadrilleError as error:
        detail = str(error)
    cpu = time.process_time() - before + reader.used.cpu
    return Verdict(file, name, detail, time.perf_counter() - started, cpu, reader.used.peak, extracted)


def _named(extracted: Extracted) -> tuple[str, str]:
    detail = f"{len(extracted.text)} characters, {len(extracted.pages)} pages"
    if extracted.attachments:
        detail += f", {len(extracted.attachments)} attachments"
    if extracted.missing:
        detail += f", {len(extracted.missing)} missing"
    if not extracted.text.strip():
        return "pictures", detail
    return ("partial" if extracted.missing else "text"), detail
