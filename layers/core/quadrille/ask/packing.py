"""What was found, as a model is given it: within a budget of tokens, and with chunks that touch made one."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from quadrille.ask.retrieval import Found
from quadrille.chunks import Chunk
from quadrille.tokens import estimated


def packed(found: Sequence[Found], limit: int) -> list[Found]:
    """The best of what was found, best first: about `limit` tokens at most, and one chunk at least."""
    sizes = accumulate(estimated(source.chunk.embedded) for source in found)
    return merged([source for source, size in zip(found, sizes, strict=True) if size <= limit] or found[:1])


def merged(found: Sequence[Found]) -> list[Found]:
    """The same with chunks of one document that overlap or touch as one, in the place of the best of them.

    A text stays exactly a stretch of the document's, so a quote out of it can be found there.
    """
    runs: list[list[Found]] = []
    for source in sorted(found, key=lambda source: (source.source, source.chunk.start)):
        if runs and runs[-1][0].source == source.source and source.chunk.start <= _end(runs[-1]):
            runs[-1].append(source)
        else:
            runs.append([source])
    rank = {source.chunk_id: place for place, source in enumerate(found)}
    best = {min(rank[source.chunk_id] for source in run): run for run in runs}
    return [replace(found[place], chunk=_joined(best[place])) for place in sorted(best)]


def _joined(run: Sequence[Found]) -> Chunk:
    first = run[0].chunk
    text, pages = first.text, dict.fromkeys(first.pages)
    for source in run[1:]:
        text += source.chunk.text[first.start + len(text) - source.chunk.start :]
        pages |= dict.fromkeys(source.chunk.pages)
    return replace(first, text=text, pages=tuple(pages))


def _end(run: Sequence[Found]) -> int:
    return max(source.chunk.end for source in run)
