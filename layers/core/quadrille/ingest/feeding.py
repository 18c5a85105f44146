"""Feeding a backfill: its objects are listed in pages, and a page is sent to extract and waited for.

A page ends when its documents have, so that no more than so many pages of documents are ever under way, whatever
holds the pipeline up: its concurrency, a rate limit or a budget.
"""

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from aws_lambda_powertools import Logger

from quadrille.blobs import Blobs
from quadrille.collections import Size
from quadrille.documents import ENDED, Documents, Place, Status, is_held
from quadrille.errors import Invalid, NotFound, UnknownPrice
from quadrille.ingest.backfill import Backfill, Listing
from quadrille.ingest.estimate import Estimator
from quadrille.messages import ObjectCreated
from quadrille.money import dollars
from quadrille.queues import Queue
from quadrille.rows import Row
from quadrille.tokens import in_bytes

logger = Logger()

_SAMPLES = 3  # of a page
_PATIENCE = 6 * 3600  # seconds without any progress until a document is no longer waited for
_SEARCHABLE = (Status.READY, Status.PARTIAL)


@dataclass(frozen=True, slots=True)
class _Item:
    """An object that was listed, and where its document lies; `place` is None, and `refusal` why, if it can be none."""

    key: str
    size: int
    etag: str
    place: Place | None
    refusal: Invalid | None


def list_pages(listing: Listing, *, blobs: Blobs, ends_at: float) -> Listing:
    """List on from where the listing is, into pages, until there is no more or the time is up (epoch seconds)."""
    backfill = listing.backfill
    objects = blobs.objects(backfill.prefix, after=listing.after)
    while time.time() < ends_at:
        page = list(islice(objects, min(backfill.page, backfill.limit - listing.listed)))
        if not page:
            return listing.model_copy(update={"more": False})
        blobs.put_json(f"{listing.pages_at}{listing.pages:07}.json", page)
        done = {"after": page[-1]["key"], "listed": listing.listed + len(page), "pages": listing.pages + 1}
        listing = listing.model_copy(update=done)
    return listing


def feed(
    backfill: Backfill,
    page: str,
    *,
    blobs: Blobs,
    documents: Documents,
    extract: Queue,
    estimator: Estimator,
    chunks: Size,
    max_bytes: int,
    recheck: int,
) -> dict[str, int]:
    """Send what is new of a page, once, and see how far it is: how many documents are `left`, and when to look again.

    What has come of a page is kept beside it. A kill before that sends a page again, which the stages bear.
    """
    items = [_item(backfill, stored, max_bytes) for stored in blobs.get_json(page)]
    rows = documents.at([item.place for item in items if item.place])
    kept = page.replace("/pages/", "/progress/")
    try:
        progress = blobs.get_json(kept)
    except NotFound:
        progress = _sent(backfill, items, rows, blobs, extract)
        sizes = [items[number].size for number in progress["new"]]
        progress |= {"new": len(sizes), "new_bytes": sum(sizes), "predicted_usd": _predicted(sizes, estimator, chunks)}
    states = {number: _state(items[number], rows, progress["fed_at"]) for number in progress["sent"]}
    outcomes = Counter(states.values())
    failed = [items[number] for number, state in states.items() if state == Status.FAILED]
    left = outcomes["waiting"] + outcomes[Status.BUDGET]
    samples = progress["refusals"] + [_sample(item, rows) for item in failed[:_SAMPLES]]
    blobs.put_json(kept, progress | {"outcomes": outcomes, "samples": samples, "left": left})
    logger.info("page_fed", page=page, left=left, sent=len(states))
    return {"left": left, "seconds": max(5, min(60, left // 10)) if outcomes["waiting"] else recheck}


def _item(backfill: Backfill, stored: dict[str, Any], max_bytes: int) -> _Item:
    place, refusal = None, None
    try:
        place = backfill.place(stored["key"])
    except Invalid as error:
        refusal = error
    if stored["size"] > max_bytes:
        place, refusal = None, Invalid("size", f"is {stored['size']} bytes; the limit is {max_bytes}")
    return _Item(**stored, place=place, refusal=refusal)


def _sent(
    backfill: Backfill, items: list[_Item], rows: dict[Place, Row], blobs: Blobs, extract: Queue
) -> dict[str, Any]:
    """Send a page's new objects, and give what is known of the page from the start."""
    now = datetime.now(UTC)
    new = []
    counts = Counter(there=0, under_way=0)
    for number, item in enumerate(items):
        if item.place:
            known = _known(item, rows, now)
            counts[known] += 1
            if not known:
                new.append(number)
    if not backfill.dry_run:
        _send(backfill, [items[number] for number in new], rows, blobs, extract)
    refused = [(item.refusal.field, item) for item in items if item.refusal]
    return {
        "fed_at": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "listed": len(items),
        "bytes": sum(item.size for item in items),
        "there": counts["there"],
        "under_way": counts["under_way"],
        "new": new,
        "sent": [] if backfill.dry_run else new,
        "refused": Counter(field for field, _ in refused),
        "refusals": [{"key": item.key, "reason": str(item.refusal)} for item in dict(refused).values()],
    }


def _predicted(sizes: list[int], estimator: Estimator, chunks: Size) -> str | None:
    """What files of so many bytes cost if they are plain text, in US dollars; None if a model has no price."""
    try:
        costs = [estimator.of_text(in_bytes(size), chunks).cost_usd for size in sizes]
    except UnknownPrice:
        return None
    return dollars(sum(costs, Decimal(0)))


def _send(backfill: Backfill, items: list[_Item], rows: dict[Place, Row], blobs: Blobs, extract: Queue) -> None:
    """Into the queue of extract, or to its place under uploads/, whose event does the same."""
    if backfill.into is not None:
        for item in items:
            if item.place:
                blobs.copy(item.key, item.place.key)
        return
    # As old as what is known of the document, so that an event of the bucket's own is always newer.
    known = [(item, (_row(item, rows) or {}).get("sequencer", "")) for item in items]
    extract.send(*(ObjectCreated.of(i.key, size=i.size, etag=i.etag, sequencer=sequencer) for i, sequencer in known))


def _known(item: _Item, rows: dict[Place, Row], now: datetime) -> str:
    """Whether an object is `there` as a searchable document, or `under_way`; empty if it is neither."""
    row = _row(item, rows)
    if row is None or (row.get("etag"), row["size"]) != (item.etag, item.size):
        return ""
    if row["status"] in _SEARCHABLE:
        return "there"
    if _is_unconfirmed(row):
        return "under_way"
    moves = (now - datetime.fromisoformat(row["updated_at"])).total_seconds() < _PATIENCE
    return "under_way" if moves and row["status"] not in (*ENDED, Status.FAILED) else ""


def _state(item: _Item, rows: dict[Place, Row], fed_at: str) -> str:
    """What has come of an object that was sent: its document's status once that is final, else why not."""
    row = _row(item, rows)
    if row is None:
        return _waiting(fed_at)
    if row["status"] in (*ENDED, Status.FAILED):
        same = row["status"] in _SEARCHABLE and row.get("etag") == item.etag
        if same or row["updated_at"] >= fed_at:
            return Status(row["status"])
    if row.get("etag") == item.etag and _is_unconfirmed(row):
        return "unconfirmed"
    return Status.BUDGET if row["status"] == Status.BUDGET else _waiting(max(fed_at, row["updated_at"]))


def _is_unconfirmed(row: Row) -> bool:
    """Whether a document was read and waits for somebody to confirm its price: nobody knows how long."""
    return bool(row["status"] == Status.WAITING and row["version"] and is_held(row))


def _waiting(since: str) -> str:
    return "waiting" if time.time() - datetime.fromisoformat(since).timestamp() < _PATIENCE else "stalled"


def _row(item: _Item, rows: dict[Place, Row]) -> Row | None:
    return rows.get(item.place) if item.place else None


def _sample(item: _Item, rows: dict[Place, Row]) -> dict[str, str]:
    return {"key": item.key, "reason": str((_row(item, rows) or {}).get("error"))}
