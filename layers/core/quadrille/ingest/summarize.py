"""The stage summarize: a long text becomes a summary, part by part (map) and then parts by eight (reduce).

It runs beside the stage embed. A part the model cannot summarize is missing from the summary and listed; it fails no
document.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from aws_lambda_powertools import Logger
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from quadrille.blobs import Blobs
from quadrille.calls import Payer
from quadrille.documents import Documents, Status
from quadrille.errors import ProviderRefused, Unanswered, UnknownPrice
from quadrille.ingest.join import FAN_IN, Part, children, complete, is_last, is_ready, key_of
from quadrille.ingest.paying import paid, payer_of
from quadrille.ingest.work import part_key, summary_key, work_key
from quadrille.llm import Models
from quadrille.messages import DocumentVersion, SummaryPart
from quadrille.prompts import prompt
from quadrille.purposes import SUMMARY
from quadrille.queues import Queue
from quadrille.rows import Row
from quadrille.tokens import estimated

logger = Logger()

_CHARACTERS = 4  # of a token, about


class _Summary(BaseModel):
    """What the model is asked to reply."""

    model_config = ConfigDict(extra="forbid")

    summary: str = Field(min_length=1)


class _Gap(Exception):
    """Why there is no summary of a part; empty if it is listed for those below already."""


def summarize(
    message: SummaryPart,
    *,
    documents: Documents,
    blobs: Blobs,
    models: Models,
    queue: Queue,
    index: Queue,
    limit: int,
    deadline: float,
    ends_at: float,
) -> None:
    """Summarize one part in at most `limit` tokens, and send on what it completes. Raises as `Ledger.pay`."""
    version, part = message.of_version(), (message.level, message.part)
    row = documents.current(version)
    if row is None or row["status"] == Status.FAILED:
        logger.info("message_superseded", document_id=version.document_id, version=version.version, part=part)
        return
    if key_of(part) not in row["summaries"]:
        payer = payer_of(version, row, f"summary/{key_of(part)}", deadline=deadline, ends_at=ends_at)
        row = _made(version, row, part, payer, documents, blobs, models, limit)
        logger.info("part_summarized", document_id=version.document_id, version=version.version, part=part)
    if row:
        _send_on(version, row, part, queue, index)


def summarize_anyway(
    document_id: str, payer: Payer, *, documents: Documents, blobs: Blobs, models: Models, limit: int, tokens: int
) -> bool:
    """Give a searchable document the summary that it was too short for; false if it needs none.

    Of a longer one, whose summary failed, the first `tokens` are summed up. Raises `NotFound`, and as `Ledger.pay`.
    """
    row = documents.get(payer.tenant, document_id)
    if row["summary"] or row["status"] not in (Status.READY, Status.PARTIAL):
        return False
    version = DocumentVersion(tenant=payer.tenant, document_id=document_id, version=int(row["live"]))
    text = str(blobs.get_json(work_key(version, "text"))["text"])[: tokens * _CHARACTERS]
    summary = ask(text, replace(payer, document=version.budget), models, limit, retries=int(row["retries"]))
    return documents.describe(version, summary)


def parts(text: str, starts: Sequence[int], *, tokens: int) -> list[str]:
    """A text of more than so many tokens in parts of about as many, each beginning where a chunk does; else none."""
    if estimated(text) <= tokens:
        return []
    cuts = list(_cuts(text, starts, tokens))
    return [text[first:last] for first, last in zip(cuts, [*cuts[1:], len(text)], strict=True)]


def _cuts(text: str, starts: Sequence[int], tokens: int) -> Iterator[int]:
    yield 0
    begun = size = before = 0
    for start in starts:
        size += estimated(text[before:start])
        before = start
        if size >= tokens and start > begun:
            yield start
            begun, size = start, 0


def _made(
    version: DocumentVersion,
    row: Row,
    part: Part,
    payer: Payer,
    documents: Documents,
    blobs: Blobs,
    models: Models,
    limit: int,
) -> Row | None:
    """The row, after a part's summary was made and noted, or why there is none."""
    reason, summary = "", ""
    try:
        summary = _summary(_material(version, row, part, blobs), payer, models, limit, retries=int(row["retries"]))
    except _Gap as gap:
        reason = str(gap)
    blobs.put_json(summary_key(version, *part), summary)
    return documents.summarized(version, key_of(part), reason, summary=summary if is_last(row, part) else None)


def _material(version: DocumentVersion, row: Row, part: Part, blobs: Blobs) -> str:
    """The text of a part of the lowest level, or the summaries of those below it. Raises `_Gap` if there are none."""
    if not part[0]:
        return str(blobs.get_json(part_key(version, *part)))
    below = [str(blobs.get_json(summary_key(version, *child))) for child in children(row, part)]
    if not any(below):
        raise _Gap("")
    return "\n\n".join(filter(None, below))


def _summary(text: str, payer: Payer, models: Models, limit: int, *, retries: int) -> str:
    try:
        return ask(text, payer, models, limit, retries=retries)
    except (ProviderRefused, Unanswered, UnknownPrice) as error:
        raise _Gap(str(error)) from error
    except ValidationError as error:
        raise _Gap("The model's summary was cut off or is not in the format it was asked for.") from error


def ask(text: str, payer: Payer, models: Models, limit: int, *, retries: int) -> str:
    """A text summed up by the model. Raises `ValidationError` for a reply that is no summary, and as `Ledger.pay`."""
    messages = [{"role": "system", "content": prompt("summary")}, {"role": "user", "content": text}]
    schema = _Summary.model_json_schema()
    completion = paid(
        lambda payer: models.chat(messages, payer, purpose=SUMMARY, schema=schema, limit=limit), payer, retries
    )
    return _Summary.model_validate_json(completion.text).summary


def _send_on(version: DocumentVersion, row: Row, part: Part, queue: Queue, index: Queue) -> None:
    """Whoever completes a group sends it on, and again on every later delivery."""
    if complete(row):
        index.send(version)
    elif not is_last(row, part):
        above = (part[0] + 1, part[1] // FAN_IN)
        if is_ready(row, above):
            queue.send(SummaryPart(**version.model_dump(), level=above[0], part=above[1]))
