"""Requests to the models: how many are sent, beside the least there can be; none for what has not changed."""

from collections.abc import Mapping
from math import ceil
from typing import Any

from benchmarks.extraction import row
from benchmarks.pipeline.corpus import Corpus, one_page_changed, pdf
from benchmarks.pipeline.meters import Load, metered
from benchmarks.stack import Ingest, Tenant
from quadrille.config import Settings

OVER = 1.05  # times the floor
_LARGEST = 400  # chunks
_INPUTS, _TOKENS = 2_048, 300_000  # of one request, by OpenAI's API reference
_CHANGED = 5  # the page, counted from 0


def measure(stack: dict[str, Any], count: int) -> list[str]:
    """Ingest documents of 1 to 400 chunks, again, and changed ones, and print; the goals that were missed."""
    tenant = Tenant(stack)
    return _mixed(tenant, count) + _changed(Tenant(stack))


def _mixed(tenant: Tenant, count: int) -> list[str]:
    corpus, batch = Corpus("mixed"), Settings().embed_batch
    sizes = [round(_LARGEST ** (number / max(1, count - 1))) for number in range(count)]
    files = {f"{number}.txt": corpus.of_chunks(number, size) for number, size in enumerate(sizes)}
    print(f"Requests to the models; {count} text documents of 1 to {_LARGEST} chunks, {batch} chunks a request\n")
    row("what is put", "documents", "chunks", "seconds", "requests", "floor", "ratio", "by limits", "summaries")
    done, load = _ingested(tenant, files)
    floor = sum(ceil(document["chunks"]["total"] / batch) for document in done.documents)
    sent = load.embeddings["requests"]
    cells = f"{sent}", f"{floor}", f"{sent / floor:.3f}", f"{sum(map(_least, done.documents))}", load.chats
    row("new", count, f"{done.chunks():,}", f"{done.seconds:.1f}", *cells)
    again = {
        "the same again": _ingested(tenant, files),
        "under other names": _ingested(tenant, {f"copy-{name}": data for name, data in files.items()}),
    }
    for name, (repeated, repeat) in again.items():
        row(
            name,
            count,
            f"{repeated.chunks():,}",
            f"{repeated.seconds:.1f}",
            repeat.embeddings["requests"],
            0,
            "",
            0,
            repeat.chats,
        )
    misses = [f"{sent} requests, the floor is {floor}"] if sent > OVER * floor else []
    return misses + [f"{name}: {repeat.requests} requests" for name, (_, repeat) in again.items() if repeat.requests]


def _least(document: Mapping[str, Any]) -> int:
    """Requests a document would take if each held as much as the provider's limits allow."""
    inputs, tokens = int(document["chunks"]["total"]), int(document["receipt"]["tokens"]["embedding"])
    return max(ceil(inputs / _INPUTS), ceil(tokens / _TOKENS))


def _changed(tenant: Tenant) -> list[str]:
    """One place of forty pages changes; what is embedded again, by format and change."""
    pages, rewritten = one_page_changed("report")
    before, page, after = pages[:_CHANGED], pages[_CHANGED], pages[_CHANGED + 1 :]
    fresh = rewritten[_CHANGED]
    paragraph, _, _ = fresh.partition("\n\n")
    changes = {
        "a word": [*before, page.replace("was filed", "was found", 1), *after],
        "the page rewritten": rewritten,
        "a paragraph more": [*before, f"{paragraph}\n\n{page}", *after],
        "a page more": [*before, fresh, page, *after],
    }
    own = _chunks(tenant.ingest(_formats("alone", fresh)))["alone"]
    tenant.ingest({file: data for name in changes for file, data in _formats(name, *pages).items()})
    files = {file: data for name, changed in changes.items() for file, data in _formats(name, *changed).items()}
    done, load = _ingested(tenant, files, version=2)
    print(f"\nChunks embedded again, of all, after a change at page {_CHANGED + 1} of {len(pages)}\n")
    row("change", *own)
    row("(the page's own)", *(counts["total"] for counts in own.values()))
    for name, kinds in _chunks(done).items():
        row(name, *(f"{counts['embedded']} of {counts['total']}" for counts in kinds.values()))
    sent, changed = load.embeddings["requests"], sum(document["chunks"]["embedded"] > 0 for document in done.documents)
    print(f"\n{sent} requests for {changed} changed documents of {len(files)}")
    again = _chunks(done)["the page rewritten"]["pdf"]["embedded"]
    misses = [f"{sent} requests for {changed} changed documents"] if sent > changed else []
    if again > own["pdf"]["total"] + 1:  # the next page's first chunk may begin in this one
        misses.append(f"one page of a PDF changed and {again} chunks were embedded")
    return misses


def _chunks(done: Ingest) -> dict[str, dict[str, dict[str, int]]]:
    """The counts of chunks by name and kind of file, in an order of their own."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for document in sorted(done.documents, key=lambda document: str(document["filename"])):
        name, _, kind = document["filename"].rpartition(".")
        found.setdefault(name, {})[kind] = document["chunks"]
    return found


def _formats(name: str, *pages: str) -> dict[str, bytes]:
    """The same pages as PDF, as Markdown with a heading each, as plain text, and as lines without a blank one."""
    sections = "\n\n".join(f"## Part {text.split()[1]}\n\n{text}" for text in pages)
    plain = "\n\n".join(pages)
    lines = plain.replace(". ", ".\n").replace("\n\n", "\n")
    return {
        f"{name}.log": lines.encode(),
        f"{name}.md": sections.encode(),
        f"{name}.pdf": pdf(pages),
        f"{name}.txt": plain.encode(),
    }


def _ingested(tenant: Tenant, files: Mapping[str, bytes], *, version: int = 1) -> tuple[Ingest, Load]:
    with metered(tenant.stack) as load:
        done = tenant.ingest(files, version=version)
    return done, load
