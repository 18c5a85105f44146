"""The steps of statemachines/backfill.asl.json: list, feed, report. What is raised here is tried again there."""

import time
from typing import Annotated, Any, Literal

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import Field, TypeAdapter

from quadrille import clients
from quadrille.config import settings
from quadrille.http import Body
from quadrille.ingest.backfill import Backfill, Listing, report
from quadrille.ingest.feeding import feed, list_pages

logger = Logger()

_AFTER = 10  # seconds kept back for the page in hand and the answer


class List(Body):
    """List on."""

    action: Literal["list"]
    listing: Listing


class Feed(Body):
    """Send a page, or see how far it is."""

    action: Literal["feed"]
    backfill: Backfill
    page: str


class Report(Body):
    """Sum up."""

    action: Literal["report"]
    listing: Listing


Step = TypeAdapter[List | Feed | Report](Annotated[List | Feed | Report, Field(discriminator="action")])


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    here, blobs = settings(), clients.blobs()
    match Step.validate_python(event):
        case List(listing=listing):
            ends_at = time.time() + context.get_remaining_time_in_millis() / 1000 - _AFTER
            return list_pages(listing, blobs=blobs, ends_at=ends_at).model_dump()
        case Feed(backfill=backfill, page=page):
            return feed(
                backfill,
                page,
                blobs=blobs,
                documents=clients.documents(),
                extract=clients.queue(here.extract_queue_url),
                estimator=clients.estimator(),
                chunks=clients.collections().default,
                max_bytes=here.max_document_bytes,
                recheck=here.budget_recheck_seconds,
            )
        case Report(listing=listing):
            return report(listing, blobs=blobs)
