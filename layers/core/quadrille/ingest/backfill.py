"""Backfill: what already lies in the bucket becomes documents. Started once a prefix, watched, and summed up."""

import hashlib
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

from aws_lambda_powertools import Logger

from quadrille.blobs import Blobs
from quadrille.documents import Place
from quadrille.errors import Invalid
from quadrille.machines import Machine
from quadrille.messages import Message
from quadrille.money import dollars

logger = Logger()

PARALLEL = 10  # pages fed at a time: MaxConcurrency of statemachines/backfill.asl.json
_OURS = ("work", "results", "backfills")
_NUMBERS = ("listed", "bytes", "there", "under_way", "new", "new_bytes")
_SAMPLES = 10
_READERS = 16


class Backfill(Message):
    """What is to be ingested: at most `limit` objects whose keys begin with `prefix`, `in_flight` of them at a time.

    `into` is where they are copied to, under `uploads/`, if they do not lie there. A dry run sends nothing.
    """

    id: str
    prefix: str
    into: str | None
    limit: int
    in_flight: int
    dry_run: bool

    @property
    def page(self) -> int:
        """How many objects are fed as one piece."""
        return max(1, self.in_flight // PARALLEL)

    def place(self, key: str) -> Place:
        """Where an object's document lies. Raises `Invalid`."""
        return Place.of(key if self.into is None else self.into + key.removeprefix(self.prefix))


class Listing(Message):
    """How far a backfill is listed: the state that its state machine hands on."""

    backfill: Backfill
    pages_at: str
    results_at: str
    after: str = ""
    listed: int = 0
    pages: int = 0
    more: bool = True
    problem: dict[str, str] | None = None


def start(
    prefix: str, *, into: str | None, limit: int, in_flight: int, dry_run: bool, machine: Machine
) -> dict[str, Any]:
    """Start a backfill, or name the one of this prefix that is running. Raises `Invalid`."""
    _require_source(prefix, into)
    digest = hashlib.sha256(json.dumps([prefix, into, dry_run]).encode()).hexdigest()[:16]
    earlier = [int(name.rpartition("-")[2]) for name in machine.names() if name.startswith(f"{digest}-")]
    number = max(earlier, default=1)
    while True:  # a name is taken once, so of two starts at the same time one finds the other's execution
        name = f"{digest}-{number}"
        backfill = Backfill(id=name, prefix=prefix, into=into, limit=limit, in_flight=in_flight, dry_run=dry_run)
        at = f"backfills/{name}"
        begun = machine.start(name, Listing(backfill=backfill, pages_at=f"{at}/pages/", results_at=f"{at}/results"))
        if begun or machine.execution(name)["status"] == "RUNNING":
            logger.info("backfill_runs", backfill=name, prefix=prefix)
            return {"backfill": name, "status": "RUNNING"}
        number += 1


def _require_source(prefix: str, into: str | None) -> None:
    folder, slash, _ = prefix.partition("/")
    if not slash or folder in _OURS:
        raise Invalid("prefix", f"must begin with a folder and '/', and that must not be {', '.join(_OURS)}")
    if (folder == "uploads") == (into is not None):
        raise Invalid("into", "says where files go that do not lie under uploads/, and only those")
    if into is not None:
        Place.of(f"{into}name")


def status(name: str, *, machine: Machine, blobs: Blobs) -> dict[str, Any]:
    """How far a backfill is; once it has ended, its final report. Raises `NotFound`."""
    execution = machine.execution(name)
    report = execution["output"] or summary(name, blobs)
    return {"backfill": name, "status": execution["status"], "report": report}


def report(listing: Listing, *, blobs: Blobs) -> dict[str, Any]:
    """The final report, which is kept in the bucket, too."""
    name = listing.backfill.id
    known = summary(name, blobs)
    complete = not listing.more and known["pages"]["ended"] == listing.pages
    final = {"backfill": name, "prefix": listing.backfill.prefix, "complete": complete, **known}
    blobs.put_json(f"backfills/{name}/report.json", final)
    logger.info("backfill_reported", backfill=name, complete=complete, listed=known["listed"], sent=known["sent"])
    return final


def summary(name: str, blobs: Blobs) -> dict[str, Any]:
    """What the pages of a backfill have come to so far."""
    pages = len(blobs.list(f"backfills/{name}/pages/"))
    numbers, outcomes, refused = Counter[str](), Counter[str](), Counter[str]()
    samples: list[dict[str, str]] = []
    prices: list[str | None] = []
    with ThreadPoolExecutor(_READERS) as pool:
        for page in pool.map(blobs.get_json, blobs.list(f"backfills/{name}/progress/")):
            numbers.update({field: page[field] for field in _NUMBERS})
            numbers.update(sent=len(page["sent"]), ended=not page["left"])
            outcomes.update(page["outcomes"])
            refused.update(page["refused"])
            prices.append(page["predicted_usd"])
            samples += page["samples"][: _SAMPLES - len(samples)]
    return {
        **{field: numbers[field] for field in (*_NUMBERS, "sent")},
        "outcomes": dict(outcomes),
        "refused": dict(refused),
        "samples": samples,
        "pages": {"total": pages, "ended": numbers["ended"]},
        "predicted_usd": None if None in prices else dollars(sum(map(Decimal, filter(None, prices)), Decimal(0))),
    }
