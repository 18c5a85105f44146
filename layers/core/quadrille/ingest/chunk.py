"""The stage chunk: text becomes overlapping chunks with exact positions, and batches for the stage embed."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from aws_lambda_powertools import Logger
from semantic_text_splitter import MarkdownSplitter, TextSplitter

from quadrille.blobs import Blobs
from quadrille.chunks import Chunk
from quadrille.documents import Documents, Status
from quadrille.ingest.reuse import digest, reusable
from quadrille.ingest.work import batch_key, work_key
from quadrille.messages import DocumentVersion, EmbeddingBatch
from quadrille.queues import Queue
from quadrille.rows import Row

logger = Logger()

# Its tokenizer is compiled into the splitter; models that count otherwise differ by a few per cent.
_TOKENIZER = "text-embedding-3-small"
_LINE = 10_000  # characters
_MARKER = r"(?:>|[-+*](?=[ \t])|\d{1,9}[.)](?=[ \t]))"
# Quotes and lists in one another: the splitter's time grows with their depth, from 0.5 s a megabyte to minutes.
_NESTED = re.compile(rf"^(?:(?:[ \t]*{_MARKER}){{16,}}|[ \t]{{64,}}{_MARKER})", re.MULTILINE)
_ENDLESS = re.compile(rf"[^\n]{{{_LINE + 1},}}")


@dataclass(frozen=True, slots=True)
class Size:
    """A chunk's size and overlap in tokens, and how many chunks are embedded in one request."""

    tokens: int
    overlap: int
    batch: int


def chunk(
    version: DocumentVersion,
    *,
    documents: Documents,
    blobs: Blobs,
    embed: Queue,
    index: Queue,
    size: Size,
    embedding: str,
) -> None:
    """Split a version's text, keep what the live version has embedded already, and send the rest on in batches.

    `embedding` names what vectors depend on besides the text. A version is split once: a later delivery, or a retry,
    sends on what is missing. Raises only what a retry may cure.
    """
    row = documents.current(version)
    if row and row["chunks_total"]:
        row = documents.advance(version, Status.EMBEDDING)
    elif row:
        row = _split(version, row, documents, blobs, size, embedding)
    if row is None:
        logger.info("message_superseded", document_id=version.document_id, version=version.version)
        return
    left = [number for number in range(int(row["batches_total"])) if str(number) not in row["batches"]]
    embed.send(*(EmbeddingBatch(**version.model_dump(), batch=number) for number in left))
    if not left:
        index.send(version)


def _split(
    version: DocumentVersion, row: Row, documents: Documents, blobs: Blobs, size: Size, embedding: str
) -> Row | None:
    """Store a version's batches and the chunks whose vectors are kept; the row that says how many there are."""
    text = blobs.get_json(work_key(version, "text"))
    pages = [(page["number"], page["start"], page["end"]) for page in text["pages"]]
    chunks = list(split(text["text"], pages, markdown=text["markdown"], size=size))
    if not chunks:
        documents.fail(version, "The file is empty.")
        return None
    known = reusable(version, int(row["live"]), blobs) if row["live"] else {}
    kept = [(piece, known[name]) for piece in chunks if (name := digest(piece.text, embedding)) in known]
    fresh = [piece for piece in chunks if digest(piece.text, embedding) not in known]
    batches = [fresh[start : start + size.batch] for start in range(0, len(fresh), size.batch)]
    for number, batch in enumerate(batches):
        blobs.put_json(batch_key(version, number), [piece.to_json() for piece in batch])
    blobs.put_json(work_key(version, "kept"), [[piece.to_json(), asdict(vector)] for piece, vector in kept])
    logger.info(
        "document_chunked", document_id=version.document_id, version=version.version, fresh=len(fresh), kept=len(kept)
    )
    return documents.advance(
        version, Status.EMBEDDING, chunks_total=len(chunks), chunks_kept=len(kept), batches_total=len(batches)
    )


def split(text: str, pages: Sequence[tuple[int, int, int]], *, markdown: bool, size: Size) -> Iterator[Chunk]:
    """Chunks in order, each `text[start:end]` exactly. A page is its number, start and end.

    Markdown that is nested deeper than anybody reads is split as plain text.
    """
    kind = MarkdownSplitter if markdown and not _NESTED.search(text) else TextSplitter
    splitter = kind.from_tiktoken_model(_TOKENIZER, size.tokens, size.overlap)
    pieces = (
        (first + start, piece)
        for first, last in _spans(text)
        for start, piece in splitter.chunk_indices(text[first:last])
    )
    for number, (start, piece) in enumerate(pieces):
        end = start + len(piece)
        touched = tuple((page, first) for page, first, last in pages if first < end and last > start)
        yield Chunk(number, start, piece, touched)


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Spans to split one by one: on an endless line the splitter takes quadratic time, so such a line is cut up."""
    start = 0
    for line in _ENDLESS.finditer(text):
        yield start, line.start()
        start = line.start()
        while line.end() - start > _LINE:
            cut = text.rfind(" ", start + 1, start + _LINE) + 1 or start + _LINE
            yield start, cut
            start = cut
    yield start, len(text)
