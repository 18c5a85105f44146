"""The whole pipeline: documents a second by how many are dropped at once, what one costs, and what bounds it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.extraction import row
from benchmarks.pipeline.corpus import Corpus
from benchmarks.pipeline.meters import STAGES, Load, metered
from benchmarks.stack import Ingest, Tenant

FLAT = 1.05  # of the cost of a document, from 100 to 1,000
_WARM_UP = 20
_COPIES = 2  # of a stage at once, on the local stack


@dataclass(frozen=True, slots=True)
class Run:
    """So many documents of a tenant of their own, dropped at once."""

    count: int
    ingest: Ingest
    load: Load

    @property
    def cost(self) -> float:
        """US dollars a document."""
        return float(self.ingest.cost) / self.count


def measure(stack: dict[str, Any], counts: Sequence[int]) -> list[str]:
    """Ingest each number of documents and print; the goals that were missed."""
    _run(stack, _WARM_UP)  # a stack that was just started begins cold
    print("Documents of 3 to 6 pages of Markdown, no two alike, dropped at once; warm functions\n")
    row("documents", "seconds", "first s", "docs/s", "chunks", "chunks/s", "requests", "$/1,000", "ended")
    runs = []
    for count in counts:
        runs.append(_run(stack, count))
        _print_run(runs[-1])
    _print_bounds(runs)
    return _misses(runs)


def _run(stack: dict[str, Any], count: int) -> Run:
    tenant, corpus = Tenant(stack), Corpus("throughput")
    files = {f"{number}.md": corpus.report(number) for number in range(count)}
    with metered(tenant.stack, logs=True) as load:
        done = tenant.ingest(files)
    return Run(count, done, load)


def _print_run(run: Run) -> None:
    done, seconds = run.ingest, run.ingest.seconds
    row(
        f"{run.count:,}",
        f"{seconds:.1f}",
        f"{done.first:.1f}",
        f"{run.count / seconds:.1f}",
        f"{done.chunks():,}",
        f"{done.chunks() / seconds:.0f}",
        f"{run.load.embeddings['requests']:,}",
        f"{run.cost * 1_000:.4f}",
        ", ".join(f"{count} {status}" for status, count in done.statuses.items()),
    )


def _print_bounds(runs: Sequence[Run]) -> None:
    """Where the CPU goes, and how far the copies of each stage were busy."""
    print(f"\nWhat bounds it: {os.cpu_count()} cores, and who used them\n")
    row("ms of CPU a document", *(f"{run.count:,}" for run in runs))
    for name in (*STAGES, "api", "aws", "models", "vectors", "benchmark", "others"):
        if any(run.load.cpu[name] >= 0.01 for run in runs):
            row(_SHOWN.get(name, name), *(f"{run.load.cpu[name] / run.count * 1_000:.0f}" for run in runs))
    cores = os.cpu_count() or 1
    row("cores busy", *(f"{sum(run.load.cpu.values()) / run.load.seconds / cores:.0%}" for run in runs))
    row("  with the stack's work", *(f"{run.load.own_cpu / run.load.seconds / cores:.0%}" for run in runs))
    row("docs/s, had it all cores", *(f"{run.count / run.load.own_cpu * cores:.1f}" for run in runs))
    print()
    row(f"{_COPIES} copies a stage, busy", *(f"{run.count:,}" for run in runs))
    for name in STAGES:
        if any(run.load.invocations[name] for run in runs):
            row(name, *(f"{run.load.busy[name] / run.ingest.seconds / _COPIES:.0%}" for run in runs))


_SHOWN = {
    "api": "authorizer and API",
    "aws": "embedded AWS",
    "models": "offline models",
    "vectors": "offline vectors",
    "benchmark": "this benchmark",
    "others": "the rest of the machine",
}


def _misses(runs: Sequence[Run]) -> list[str]:
    misses = [
        f"{run.count} documents: {dict(run.ingest.statuses)}" for run in runs if set(run.ingest.statuses) != {"ready"}
    ]
    at = {run.count: run.cost for run in runs}
    if {100, 1_000} <= set(at):
        growth = at[1_000] / at[100]
        print(f"\ncost of a document, 1,000 over 100: {growth:.4f} (goal: at most {FLAT})")
        if growth > FLAT:
            misses.append(f"a document of 1,000 costs {growth:.3f} times one of 100")
    return misses
