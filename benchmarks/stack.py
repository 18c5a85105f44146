"""The local stack as a benchmark uses it: the one that runs or one of its own, and a tenant nobody else is."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any
from uuid import uuid4

from local.stack import commands, demo, processes
from local.stack.deploy import (
    command,
    create_key,
    local_session,
    stack_outputs,
    uses_offline_models,
    uses_offline_vectors,
)
from local.stack.places import Stop, read_stack

COLLECTION = "benchmark"
_FINAL = ("ready", "partial", "failed")


@contextmanager
def running_stack(*, real: bool = False) -> Iterator[dict[str, Any]]:
    """The stack that runs, or one that is started and stopped; with offline models and vectors only, or real ones."""
    if real and (uses_offline_models() or uses_offline_vectors()):
        raise Stop("Real providers need OPENAI_API_KEY, PINECONE_API_KEY and PINECONE_INDEX_HOST in .env.")
    if not real and not (uses_offline_models() and uses_offline_vectors()):
        raise Stop("The keys of real providers are set in .env, and this would spend their money. Move .env away.")
    if processes.running():
        yield read_stack()
        return
    commands.up()
    try:
        yield read_stack()
    finally:
        commands.down()


@dataclass(frozen=True, slots=True)
class Ingest:
    """Documents as they were when the last one had come to its end, and the seconds that took."""

    documents: list[dict[str, Any]]
    seconds: float
    first: float

    @property
    def statuses(self) -> Counter[str]:
        return Counter(document["status"] for document in self.documents)

    @property
    def cost(self) -> Decimal:
        """US dollars on the receipts."""
        return sum((Decimal(document["receipt"]["cost_usd"]) for document in self.documents), Decimal(0))

    def chunks(self, kind: str = "total") -> int:
        """How many chunks there are: `total`, `embedded` or `reused`."""
        return sum(document["chunks"][kind] for document in self.documents)


@dataclass
class Tenant:
    """A tenant that has nothing yet: no documents, no vectors, nothing paid for and nothing spent."""

    stack: dict[str, Any]
    name: str = field(default_factory=lambda: f"benchmark-{uuid4().hex[:8]}")
    scopes: tuple[str, ...] = ("ask", "ingest")

    def __post_init__(self) -> None:
        endpoint = self.stack["aws_endpoint_url"]
        made = create_key(local_session(), self._outputs, self.name, list(self.scopes), endpoint)
        self.stack = self.stack | {"tenant": self.name, "api_key": made["key"]}

    def ingest(self, files: Mapping[str, bytes], *, version: int = 1) -> Ingest:
        """Drop the files at once and wait until this version of each has come to its end."""
        before = self._rows()
        began = time.time()
        folder = f"uploads/{self.name}/{COLLECTION}"
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda file: self.put(f"{folder}/{file[0]}", file[1]), files.items()))
        self._wait(files, before, version)
        seconds = time.time() - began
        documents = [document for document in self.documents() if document["filename"] in files]
        ends = [datetime.fromisoformat(document["updated_at"]).timestamp() - began for document in documents]
        # What did not change has an end of long ago: then the clock of who waited is all there is.
        return Ingest(documents, max(ends) if min(ends) > 0 else seconds, max(0.0, min(ends)))

    def put(self, key: str, data: bytes) -> None:
        """Put an object into the bucket."""
        self._s3.put_object(Bucket=self.stack["bucket"], Key=key, Body=data)

    def documents(self) -> Iterator[dict[str, Any]]:
        """All documents, as the API gives them."""
        cursor: str | None = ""
        while cursor is not None:
            page = demo.call(self.stack, "GET", "/documents?limit=100" + (f"&cursor={cursor}" if cursor else ""))
            yield from page["items"]
            cursor = page["cursor"]

    def _wait(self, names: Iterable[str], before: Mapping[str, dict[str, Any]], version: int) -> None:
        """Look seldom: who looks takes from the same two cores. The times that count stand in the rows."""
        left = set(names)
        pause, deadline = max(0.2, len(left) / 500), time.monotonic() + 60 + 3 * len(left)
        while left and time.monotonic() < deadline:
            time.sleep(pause)
            rows = self._rows()
            left = {name for name in left if not _ended(rows.get(name), before.get(name), version)}
        if left:
            raise Stop(f"{len(left)} documents did not come to an end, of them {min(left)}. See: make logs")

    def _rows(self) -> dict[str, dict[str, Any]]:
        """By file name: which event was taken up, which version there is, and its status. Not through the API, which
        would take a function's time."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._outputs["DocumentsTable"],
            KeyConditionExpression="tenant = :tenant",
            ProjectionExpression="filename, sequencer, version, #status",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":tenant": {"S": self.name}},
        )
        rows = [
            {name: next(iter(value.values())) for name, value in item.items()} for p in pages for item in p["Items"]
        ]
        return {row["filename"]: row for row in rows}

    @cached_property
    def webhook(self) -> dict[str, str]:
        """The address and the secret of a source of tickets."""
        session, endpoint = local_session(), self.stack["aws_endpoint_url"]
        told = {"action": "create_source", "tenant": self.name, "kind": "tickets"}
        made = command(session, endpoint, self._outputs["KeysFunction"], **told)
        return {"url": f"{self.stack['api_url']}/webhooks/{made['source_id']}", "secret": made["secret"]}

    @cached_property
    def _s3(self) -> Any:
        return local_session().client("s3", endpoint_url=self.stack["aws_endpoint_url"])

    @cached_property
    def _dynamodb(self) -> Any:
        return local_session().client("dynamodb", endpoint_url=self.stack["aws_endpoint_url"])

    @cached_property
    def _outputs(self) -> dict[str, str]:
        return stack_outputs(local_session(), self.stack["aws_endpoint_url"])


def _ended(row: dict[str, Any] | None, before: dict[str, Any] | None, version: int) -> bool:
    """Whether a later event than before was taken up, and the version is at its end."""
    if row is None or row.get("sequencer") == (before or {}).get("sequencer"):
        return False
    return int(row["version"]) >= version and row["status"] in _FINAL
