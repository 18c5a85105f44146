"""Reading files, measured: a verdict on every file, likeness to reviewed texts, speed and memory beside pypdf.

`python -m benchmarks.extraction` prints the tables of docs/quality.md; `--verbose` a line for each file besides.
"""

import argparse
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from benchmarks.reading.attacks import attacks
from benchmarks.reading.peer import Outcome, Pypdf, pypdf
from benchmarks.reading.similarity import references, similarity
from benchmarks.reading.sweep import LIMITS, Verdict, judge, read, sweep
from local.stack.places import ROOT
from quadrille.ingest.reading import formats
from quadrille.ingest.reading.contained import Reader

CORPORA = ROOT.parent / "shared/corpora"
NAMES = ("text", "partial", "pictures", "refused", "too large", "crash")
_MEGABYTE = 1024 * 1024


def main(arguments: list[str]) -> int:
    """Sweep, compare and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.extraction", description=__doc__)
    parser.add_argument("--corpora", type=Path, default=CORPORA, help="the folder of the corpora (../shared/corpora)")
    parser.add_argument("--folder", action="append", help="only this folder of it; may be repeated")
    parser.add_argument("--verbose", action="store_true", help="a line for each file")
    given = parser.parse_args(arguments)
    if not given.corpora.is_dir():
        print(f"there is no folder {given.corpora}", file=sys.stderr)
        return 2
    folders = sorted(path for path in given.corpora.iterdir() if path.is_dir())
    reader = Reader()
    warm_up(reader)
    crashes = print_sweep(
        [path for path in folders if path.name in (given.folder or (path.name,))], reader, given.verbose
    )
    if not given.folder:
        print_office(given.corpora / "office-html", reader, given.verbose)
        with pypdf() as peer:
            print_pdfs(given.corpora / "pdf-truth", reader, peer, given.verbose)
        print_attacks(reader)
    reader.close()
    return 1 if crashes else 0


def warm_up(reader: Reader) -> None:
    """Let the reader import its parsers, as it has after its first file."""
    for _ in range(2):
        read(ROOT / "local/samples/employee-handbook.pdf", reader)


def print_sweep(folders: Sequence[Path], reader: Reader, verbose: bool) -> int:
    """A row for each folder; how many files crashed their reader."""
    row("folder", "files", *NAMES, "slowest s", "peak MB")
    crashes = 0
    for folder in folders:
        verdicts = []
        for verdict in sweep(folder, reader):
            verdicts.append(verdict)
            if verbose or verdict.name == "crash":
                name = verdict.file.relative_to(folder)
                print(f"    {verdict.name:9} {verdict.seconds:6.2f} s  {name}: {verdict.detail}")
        counts = Counter(verdict.name for verdict in verdicts)
        crashes += counts["crash"]
        slowest, peak = max(verdict.seconds for verdict in verdicts), max(verdict.peak for verdict in verdicts)
        row(folder.name, len(verdicts), *(counts[name] for name in NAMES), f"{slowest:.1f}", peak // _MEGABYTE)
    return crashes


def print_attacks(reader: Reader) -> None:
    """A row for each file made to exhaust its reader."""
    print()
    print(f"| {'made to exhaust':34} |     size |  seconds |  peak MB | verdict |")
    for name, file, data in attacks():
        verdict = judge(Path(file), data, reader)
        size, peak = f"{len(data) / _MEGABYTE:.1f} MB", verdict.peak // _MEGABYTE
        print(
            f"| {name:34} | {size:>8} | {verdict.seconds:8.1f} | {peak:8} | {verdict.name}: {verdict.detail} |",
            flush=True,
        )


def print_office(folder: Path, reader: Reader, verbose: bool) -> None:
    """Likeness to the reviewed Markdown, by format."""
    scores = defaultdict(list)
    for file, reference in references(folder):
        verdict = read(file, reader)
        score = similarity(text_of(verdict), reference.read_text(encoding="utf-8-sig", errors="replace"))
        scores[file.suffix].append(score)
        if verbose:
            print(f"    {score:.3f} {file.name}")
    print()
    row("office-html", "files", "likeness", "lowest")
    for suffix, values in sorted(scores.items()):
        row(suffix, len(values), f"{mean(values):.3f}", f"{min(values):.3f}")


def print_pdfs(folder: Path, reader: Reader, peer: Pypdf, verbose: bool) -> None:
    """Likeness, speed and memory beside pypdf, by subset; the two take turns."""
    print()
    peer.read(ROOT / "local/samples/employee-handbook.pdf")  # it has imported what it needs, as our reader has
    row("pdf-truth", "files", "pages", "likeness", "pypdf's", "pages/CPU s", "pypdf's", "ratio", "peak MB", "pypdf's")
    every: list[tuple[Outcome, Outcome]] = []
    for subset in sorted(path for path in folder.iterdir() if path.is_dir()):
        pairs, scores = [], []
        for file, reference in references(subset):
            pair = compare(file, reader, peer)
            expected = reference.read_text(encoding="utf-8-sig", errors="replace")
            scores.append([similarity(outcome.text, expected) for outcome in pair])
            pairs.append(pair)
            if verbose:
                print(f"    {scores[-1][0]:.3f} {scores[-1][1]:.3f} {pair[0].cpu:.3f} {pair[1].cpu:.3f} s  {file.name}")
        print_pair(subset.name, pairs, [f"{mean(column):.3f}" for column in zip(*scores, strict=True)])
        every += pairs
    print_pair("all", every, ["", ""])
    files = [file for file, _ in references(folder)]
    bare = [(alone(file), theirs) for file, (_, theirs) in zip(files, every, strict=True)]
    print_pair("all, not contained", bare, ["", ""])
    for file in large(folder.parent):
        ours, theirs = compare(file, reader, peer)
        print_pair("400 pages", [(ours, theirs)], [""] * 2)
        print_pair("400 pages, not contained", [(alone(file), theirs)], [""] * 2)


def print_speed(corpora: Path) -> None:
    """Of `print_pdfs` the speed and memory alone, in two rows."""
    if not corpora.is_dir():
        print(f"The reader beside pypdf: not measured, there is no folder {corpora}")
        return
    print("The reader of the stage extract beside pypdf, the default of LangChain and LlamaIndex\n")
    reader = Reader()
    warm_up(reader)
    row("PDFs", "files", "pages", "pages/CPU s", "pypdf's", "ratio", "peak MB", "pypdf's")
    short = [file for file, _ in references(corpora / "pdf-truth")]
    with pypdf() as peer:
        peer.read(ROOT / "local/samples/employee-handbook.pdf")
        for name, files in {"pdf-truth, 1 to 4 pages": short, "400 pages": large(corpora)}.items():
            print_pair(name, [compare(file, reader, peer) for file in files], [])
    reader.close()


def large(corpora: Path) -> list[Path]:
    """The long PDFs of the corpora."""
    return sorted((corpora / "pdf-edge/large").glob("*.pdf"))


def alone(file: Path) -> Outcome:
    """What reading takes in this very process, as no file of a stranger is ever read."""
    data = file.read_bytes()
    formats.read(data, file.name, LIMITS)
    started = time.process_time()
    extracted = formats.read(data, file.name, LIMITS)
    return Outcome(extracted.text, len(extracted.pages), time.process_time() - started, 0)


def compare(file: Path, reader: Reader, peer: Pypdf) -> tuple[Outcome, Outcome]:
    """What we and what pypdf make of a PDF."""
    verdict = read(file, reader)
    pages = len(verdict.extracted.pages) if verdict.extracted else 0
    return Outcome(text_of(verdict), pages, verdict.cpu, verdict.peak), peer.read(file)


def print_pair(name: str, pairs: Sequence[tuple[Outcome, Outcome]], scores: Sequence[str]) -> None:
    """One row of us and pypdf."""
    ours, theirs = zip(*pairs, strict=True)
    speeds = [sum(one.pages for one in side) / max(0.01, sum(one.cpu for one in side)) for side in (ours, theirs)]
    peaks = [max(one.peak for one in side) // _MEGABYTE for side in (ours, theirs)]
    pages = sum(one.pages for one in ours)
    row(name, len(pairs), pages, *scores, *(f"{speed:.1f}" for speed in speeds), f"{speeds[0] / speeds[1]:.1f}", *peaks)


def text_of(verdict: Verdict) -> str:
    return verdict.extracted.text if verdict.extracted else ""


def row(*cells: object) -> None:
    """A row of a Markdown table, in columns."""
    first, *rest = map(str, cells)
    print("| " + f"{first:24}" + "".join(f" | {cell:>9}" for cell in rest) + " |", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
