"""The documents table: what is known of a document, and how far its current version has come.

A document is a tenant's file of one name in one collection; the same name again is its next version. Every stage
writes under the condition that its version is still the current one, so a late message of an old version changes
nothing.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from quadrille.collections import advance_epoch
from quadrille.errors import Invalid, NotFound, RetryLater
from quadrille.events import DocumentFailed, DocumentIndexed, DocumentUploaded, Event, emits
from quadrille.keys import TENANT
from quadrille.messages import Deletion, DocumentVersion
from quadrille.rows import Row, from_item, get, get_all, to_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

COLLECTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
UNCLAIMED = "_unclaimed"  # owns what was dropped under no tenant; no key can have this tenant
_WAITING_SECONDS = 86_400  # an announced upload that never comes is forgotten after a day
_LIST_PAGES = 20  # read for one page of a filtered list; what is left is behind the cursor
_ID = re.compile(r"doc_[a-z2-7]{24}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Status(StrEnum):
    """Where a document is. What is `ready`, `partial`, `failed` or `deleted` stays so until its file is put again."""

    WAITING = "waiting"
    EXTRACTING = "extracting"
    OCR = "ocr"
    CHUNKING = "chunking"
    EMBEDDING = "embedding"
    INDEXING = "indexing"
    BUDGET = "budget"
    READY = "ready"
    PARTIAL = "partial"
    FAILED = "failed"
    DELETED = "deleted"


ENDED = (Status.READY, Status.PARTIAL, Status.DELETED)  # no stage changes such a version


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document's file lies: `uploads/<tenant>/<collection>/<filename>`."""

    tenant: str
    collection: str
    filename: str

    @classmethod
    def of(cls, key: str) -> "Place":
        """The place an object key names. Raises `Invalid` with what is wrong with it."""
        parts = key.split("/", 3)
        if len(parts) < 4 or parts[0] != "uploads":
            raise Invalid("key", f"{key!r} is not uploads/<tenant>/<collection>/<name>; move the file there")
        return cls(parts[1], parts[2], parts[3]).checked()

    def checked(self) -> "Place":
        """This place, if each part is acceptable. Raises `Invalid`."""
        if not TENANT.fullmatch(self.tenant):
            raise Invalid("tenant", f"{self.tenant!r} is not 1 to 63 lower-case letters, digits and inner hyphens")
        if not COLLECTION.fullmatch(self.collection):
            raise Invalid("collection", f"{self.collection!r} is not 1 to 64 letters, digits, '.', '_' and '-'")
        if not self.filename or len(self.key.encode()) > 1024 or _CONTROL.search(self.filename):
            raise Invalid("filename", "must not be empty, hold control characters or make a key over 1,024 bytes")
        if any(part in ("", ".", "..") for part in self.filename.split("/")):
            raise Invalid("filename", "must not hold empty, '.' or '..' path parts")
        if "${" in self.filename:  # S3's forms would put another file's name in its place
            raise Invalid("filename", "must not hold '${'")
        return self

    @property
    def key(self) -> str:
        """The object key."""
        return f"uploads/{self.tenant}/{self.collection}/{self.filename}"

    @property
    def document_id(self) -> str:
        """The document's id: the same file name in the same collection is the same document."""
        digest = hashlib.sha256(self.key.encode()).digest()
        return "doc_" + base64.b32encode(digest[:15]).decode().lower()


@dataclass(frozen=True, slots=True)
class Documents:
    """Rows by tenant and document id."""

    table: str
    dynamodb: "DynamoDBClient"

    def get(self, tenant: str, document_id: str) -> Row:
        """A tenant's document. Raises `NotFound`, also for one of another tenant."""
        key = {"tenant": tenant, "document_id": document_id}
        row = get(self.dynamodb, self.table, key) if _ID.fullmatch(document_id) else None
        if row is None:
            raise NotFound(f"There is no document {document_id!r}.")
        return row

    def list(
        self, tenant: str, *, collection: str | None, status: Status | None, after: str | None, limit: int
    ) -> tuple[list[Row], str | None]:
        """At most `limit` of a tenant's documents, by id, and the id to go on after if there may be more."""
        wanted = {name: value for name, value in {"collection": collection, "status": status}.items() if value}
        rows: list[Row] = []
        for _ in range(_LIST_PAGES):
            answer = self.dynamodb.query(**self._page(tenant, wanted, after, limit))
            rows += [from_item(item) for item in answer["Items"]]
            after = from_item(answer["LastEvaluatedKey"])["document_id"] if "LastEvaluatedKey" in answer else None
            if after is None or len(rows) >= limit:
                break
        if len(rows) > limit:
            return rows[:limit], rows[limit - 1]["document_id"]
        return rows, after

    def _page(self, tenant: str, wanted: Mapping[str, str], after: str | None, limit: int) -> Any:
        values = {":tenant": tenant, **{f":{name}": value for name, value in wanted.items()}}
        page: dict[str, Any] = {
            "TableName": self.table,
            "KeyConditionExpression": "tenant = :tenant",
            "ExpressionAttributeValues": to_item(values),
            "Limit": limit,
        }
        if wanted:
            page["FilterExpression"] = " AND ".join(f"#{name} = :{name}" for name in wanted)
            page["ExpressionAttributeNames"] = {f"#{name}": name for name in wanted}
        if after:
            page["ExclusiveStartKey"] = to_item({"tenant": tenant, "document_id": after})
        return page

    def announce(self, place: Place, *, size: int, confirm: bool) -> None:
        """Note that a file is about to be uploaded, and whether it shall wait until its price is confirmed."""
        now = datetime.now(UTC)
        row = _new(place) | {
            "status": Status.WAITING,
            "size": size,
            "confirm": confirm,
            "expires_at": int(now.timestamp()) + _WAITING_SECONDS,
        }
        try:
            self.dynamodb.put_item(
                TableName=self.table, Item=to_item(row), ConditionExpression="attribute_not_exists(document_id)"
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            known = "attribute_exists(document_id)"
            self._update(
                place.tenant,
                place.document_id,
                "SET #confirm = :confirm",
                known,
                {"confirm": confirm},
                names=("confirm",),
            )

    def arrive(self, place: Place, *, sequencer: str) -> Row | None:
        """Note that an object was created, and give the row; None if a later event of the key came before."""
        new = _new(place) | {"status": Status.EXTRACTING}
        first = {name: value for name, value in new.items() if name not in ("tenant", "document_id")}
        sets = [f"#{name} = if_not_exists(#{name}, :{name})" for name in first]
        return self._update(
            new["tenant"],
            new["document_id"],
            f"SET {', '.join(sets)}, sequencer = :sequencer REMOVE expires_at",
            "attribute_not_exists(sequencer) OR sequencer <= :sequencer",
            {**first, "sequencer": sequencer},
            names=first,
        )

    def refuse(self, tenant: str, key: str, *, reason: str) -> None:
        """Note a file that lies where no document can be."""
        place = Place(tenant, "", key)
        row = _new(place) | {"version": 1, "status": Status.FAILED, "error": reason}
        self.dynamodb.put_item(TableName=self.table, Item=to_item(row))

    def live(self, tenant: str, ids: Iterable[str]) -> dict[str, int]:
        """The version readers see of each document; none for a document that never became searchable."""
        keys = [{"tenant": tenant, "document_id": document_id} for document_id in dict.fromkeys(ids)]
        rows = get_all(self.dynamodb, self.table, keys, only="document_id, live")
        return {row["document_id"]: int(row["live"]) for row in rows if row["live"]}

    def at(self, places: Iterable[Place]) -> dict[Place, Row]:
        """The rows of the documents at these places, for those that are known."""
        by_id = {(place.tenant, place.document_id): place for place in places}
        keys = [{"tenant": tenant, "document_id": document_id} for tenant, document_id in by_id]
        rows = get_all(self.dynamodb, self.table, keys)
        return {by_id[row["tenant"], row["document_id"]]: row for row in rows}

    def change_over(self, of: DocumentVersion) -> int:
        """Move the epoch of a document's collection on, and give the version readers see; 0 if there is none."""
        row = get(self.dynamodb, self.table, {"tenant": of.tenant, "document_id": of.document_id})
        if row is None:
            return 0
        advance_epoch(self.dynamodb, self.table, of.tenant, row["collection"])
        return int(row["live"])

    def version(self, tenant: str, document_id: str) -> DocumentVersion | None:
        """The version a document is at, if there is such a document."""
        row = get(self.dynamodb, self.table, {"tenant": tenant, "document_id": document_id})
        if row is None:
            return None
        return DocumentVersion(tenant=tenant, document_id=document_id, version=int(row["version"]))

    def open_version(self, row: Row, *, digest: str, size: int, etag: str = "") -> DocumentVersion | None:
        """Begin to work on a file's content; None if this content is already searchable.

        Content that differs from the current version's begins the next one. The bucket's `etag` is kept, so that a
        listing of the bucket tells what is known. Raises `RetryLater` if another worker began a version meanwhile.
        """
        same = row.get("digest") == digest
        ended = same and row["status"] in ENDED
        if ended and etag in ("", row.get("etag")):
            return None
        version = int(row["version"]) + (not same)
        values: dict[str, Any] = {"etag": etag or row.get("etag", "")}
        if not ended:
            values |= {"status": Status.EXTRACTING, "error": None, "updated_at": _now()}
        if not same:
            values |= {**_EMPTY, "version": version, "digest": digest, "size": size}
            event = DocumentUploaded(**_named(row), document_version=version, size=size)
            values |= _emits(row["tenant"], row["document_id"], event, once=str(version))
        changed = self._update(
            row["tenant"],
            row["document_id"],
            "SET " + ", ".join(f"#{name} = :{name}" for name in values),
            "#version = :seen",
            {**values, "seen": row["version"]},
            names={*values, "version"},
        )
        if changed is None:
            raise RetryLater("Another worker has begun a version of this document.")
        if ended:
            return None
        return DocumentVersion(tenant=row["tenant"], document_id=row["document_id"], version=version)

    def current(self, of: DocumentVersion) -> Row | None:
        """The row, if this version is still the current one and not yet searchable; None if there is nothing to do."""
        row = get(self.dynamodb, self.table, {"tenant": of.tenant, "document_id": of.document_id})
        return row if row and row["version"] == of.version and row["status"] not in ENDED else None

    def advance(self, of: DocumentVersion, status: Status, **values: Any) -> Row | None:
        """Set a version's status, values and error (none, if none is given), and give the row.

        None if the version is searchable or no longer current.
        """
        values = {"error": None, **values, "status": status, "updated_at": _now()}
        return self._advance(of, "SET " + ", ".join(f"#{name} = :{name}" for name in values), values, names=values)

    def embedded(self, of: DocumentVersion, batch: int, *, blob: str, chunks: int, sparse: str = "") -> Row | None:
        """Add a batch to the set of those embedded, and give the row. A second delivery changes nothing.

        `blob` and `sparse` are the keys of its dense and its sparse vectors; the latter is empty if there are none.

        A set and not a counter: what is delivered twice is counted once. The status stays, for another batch may have
        failed.
        """
        entry = {"blob": blob, "sparse": sparse, "chunks": chunks}
        return self._advance(
            of,
            "SET batches.#batch = if_not_exists(batches.#batch, :entry), updated_at = :updated_at",
            {"entry": entry, "updated_at": _now()},
            names=(),
            more_names={"#batch": str(batch)},
        )

    def divide(self, of: DocumentVersion, ranges: int, **values: Any) -> Row | None:
        """Note that OCR is to read so many ranges of a version's pages, and give the row. Done once, it stays so."""
        values = {**values, "ranges_total": ranges, "updated_at": _now()}
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in values)
        row = self._advance(of, expression, {**values, "zero": 0}, names=values, also="ranges_total = :zero")
        return row or self.current(of)

    def recognised(self, of: DocumentVersion, number: int, *, extracted: int, ocr: int) -> Row | None:
        """Add a range to the set of those read, and give the row; of its pages so many have text, so many by OCR."""
        return self._advance(
            of,
            "SET #ranges.#number = if_not_exists(#ranges.#number, :entry), updated_at = :updated_at",
            {"entry": {"extracted": extracted, "ocr": ocr}, "updated_at": _now()},
            names=("ranges",),
            more_names={"#number": str(number)},
        )

    def summarized(self, of: DocumentVersion, part: str, reason: str, *, summary: str | None) -> Row | None:
        """Add a part of a summary to the set of those done, and give the row.

        `reason` says why the part is missing, if it is; `summary` is set if the part is that of the whole document.
        """
        expression = "SET summaries.#part = if_not_exists(summaries.#part, :reason), updated_at = :updated_at"
        values: dict[str, Any] = {"reason": reason, "updated_at": _now()}
        if summary is not None:
            expression, values = f"{expression}, summary = :summary", {**values, "summary": summary or None}
        return self._advance(of, expression, values, names=(), more_names={"#part": part})

    def confirm(self, tenant: str, document_id: str, *, version: int) -> Row | None:
        """Let a version that waits for a word about its price go on, and give the row; None if it does not wait."""
        return self._update(
            tenant,
            document_id,
            "SET confirmed = :confirmed",
            "#version = :confirmed AND #status = :waiting",
            {"confirmed": version, "waiting": Status.WAITING},
            names=("version", "status"),
        )

    def lose(self, of: DocumentVersion, batches: Iterable[int], *, seen: int, total: int, homeless: int) -> bool:
        """Take batches out of the set of those embedded; others are added for `homeless` chunks whose vector is gone.

        False if there are no longer the batches that were seen, or the version needs nothing any more.
        """
        places = {f"#batch_{number}": str(number) for number in batches}
        return bool(
            self._advance(
                of,
                "SET #status = :status, batches_total = :total, chunks_kept = chunks_kept - :homeless, "
                f"updated_at = :now REMOVE {', '.join(f'batches.{place}' for place in places)}",
                {"status": Status.EMBEDDING, "total": total, "homeless": homeless, "seen": seen, "now": _now()},
                names=(),
                more_names=places,
                also="batches_total = :seen",
            )
        )

    def delete(self, tenant: str, document_id: str, *, sequencer: str | None = None) -> Deletion | None:
        """Take a document from its readers, and give the version before which everything is to be erased.

        The deletion is a version of its own, so no stage writes to the one before any more; a second one is the same.
        Its collection's epoch moves on. None if there is no such document, or if its file was put again after the event
        of this `sequencer`.
        """
        emptied = {**_EMPTY, "error": None, "erased": None}  # the row itself says nothing of the content any more
        values: dict[str, Any] = {"deleted": Status.DELETED, "zero": 0, "one": 1, "now": _now()}
        condition = "attribute_exists(document_id) AND NOT #status = :deleted"
        if sequencer is not None:
            condition += " AND (attribute_not_exists(sequencer) OR sequencer < :sequencer)"
            values["sequencer"] = sequencer
        self._update(
            tenant,
            document_id,
            f"SET {', '.join(f'#{name} = :{name}' for name in emptied)}, #status = :deleted, live = :zero, "
            "#version = #version + :one, updated_at = :now REMOVE digest, etag, expires_at, erasing",
            condition,
            {**emptied, **values},
            names=("status", "version", *emptied),
        )
        row = get(self.dynamodb, self.table, {"tenant": tenant, "document_id": document_id})
        if row is None or row["status"] != Status.DELETED:
            return None
        advance_epoch(self.dynamodb, self.table, tenant, row["collection"])
        return Deletion(
            tenant=tenant, document_id=document_id, version=int(row["version"]), collection=row["collection"]
        )

    def begin_again(self, tenant: str, document_id: str) -> Row | None:
        """Count a retry, and give the row; None if there is nothing to try again."""
        return self._update(
            tenant,
            document_id,
            "ADD retries :one",
            "NOT #status IN (:waiting, :ready, :partial, :deleted)",
            {"one": 1, **{status.value: status for status in (Status.WAITING, *ENDED)}},
            names=("status",),
        )

    def reopen(self, of: DocumentVersion, status: Status) -> None:
        """Let a failed version be worked on again, and count a retry; one that has not failed stays as it is."""
        values = {"status": status, "error": None, "updated_at": _now()}
        self._update(
            of.tenant,
            of.document_id,
            "SET " + ", ".join(f"#{name} = :{name}" for name in values) + " ADD retries :one",
            "#version = :current AND #status = :failed",
            {**values, "one": 1, "current": of.version, "failed": Status.FAILED},
            names={*values, "version"},
        )

    def is_erasing(self, of: DocumentVersion) -> bool:
        """Whether it is noted what goes with a deletion."""
        row = get(self.dynamodb, self.table, {"tenant": of.tenant, "document_id": of.document_id})
        return bool(row and row["version"] == of.version and (row["erased"] or "erasing" in row))

    def erasing(self, of: DocumentVersion, counts: Mapping[str, int]) -> None:
        """Note what is about to go with a deletion, once: a second delivery finds less."""
        condition = "attribute_not_exists(erasing) AND erased = :none"
        self._note(of, "SET erasing = :counts", condition, {"counts": dict(counts), "none": None})

    def erased(self, of: DocumentVersion) -> None:
        """Note that it is gone, once, unless the file was put again meanwhile."""
        self._note(of, "SET erased = erasing", "attribute_exists(erasing) AND erased = :none", {"none": None})

    def erased_late(self, of: DocumentVersion, counts: Mapping[str, int]) -> None:
        """Count what a stage that was slow to end had left after all."""
        found = {name: count for name, count in counts.items() if count}
        if found:
            adds = "ADD " + ", ".join(f"erased.{name} :{name}" for name in found)
            self._note(of, adds, "attribute_type(erased, :map)", {**found, "map": "M"})

    def _note(self, of: DocumentVersion, expression: str, condition: str, values: Mapping[str, Any]) -> None:
        self._update(
            of.tenant,
            of.document_id,
            expression,
            f"#version = :current AND #status = :deleted AND {condition}",
            {**values, "current": of.version, "deleted": Status.DELETED},
            names=("version", "status"),
        )

    def describe(self, of: DocumentVersion, summary: str) -> bool:
        """Give a searchable version a summary; false if it has one, or is not what readers see any more."""
        return bool(
            self._update(
                of.tenant,
                of.document_id,
                "SET summary = :summary, updated_at = :now",
                "live = :live AND NOT #status = :deleted AND summary = :none",
                {"summary": summary, "live": of.version, "deleted": Status.DELETED, "none": None, "now": _now()},
                names=("status",),
            )
        )

    def wait(self, of: DocumentVersion, reason: str) -> bool:
        """Let a version wait for its budget; false if it is past that, failed or no longer current."""
        values = {"status": Status.BUDGET, "error": reason, "updated_at": _now()}
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in values)
        return bool(self._advance(of, expression, values, names=values, unless=(Status.FAILED, Status.INDEXING)))

    def explain(self, of: DocumentVersion, reason: str) -> None:
        """Say why a version makes no progress at the moment; its status stays."""
        self._advance(of, "SET #error = :error", {"error": reason}, names=("error",), unless=(Status.FAILED,))

    def fail(self, of: DocumentVersion, reason: str) -> None:
        """End a version as failed, with a reason its owner understands."""
        row = self.current(of)
        if row:
            event = DocumentFailed(**_named(row), document_version=of.version, error=reason)
            # A retry may fail, too, and that is another event.
            once = f"{of.version}/{row['retries']}"
            self.advance(of, Status.FAILED, error=reason, **_emits(of.tenant, of.document_id, event, once=once))

    def finish(self, of: DocumentVersion, row: Row, missing: Sequence[Mapping[str, Any]]) -> bool:
        """End a version as searchable, whole or with parts missing; false if it is no longer current."""
        status = Status.PARTIAL if missing else Status.READY
        event = DocumentIndexed(
            **_named(row),
            document_version=of.version,
            status=status.value,
            pages=int(row["pages"]["total"]),
            chunks=int(row["chunks_total"]),
            tokens=int(row["tokens"]),
            missing=len(missing),
        )
        emitted = _emits(of.tenant, of.document_id, event, once=str(of.version))
        return bool(self.advance(of, status, live=of.version, missing=list(missing), **emitted))

    def _advance(
        self,
        of: DocumentVersion,
        expression: str,
        values: Mapping[str, Any],
        *,
        names: Iterable[str],
        unless: Iterable[Status] = (),
        more_names: Mapping[str, str] | None = None,
        also: str = "attribute_exists(tenant)",
    ) -> Row | None:
        closed = {f"closed_{status}": status for status in (*ENDED, *unless)}
        return self._update(
            of.tenant,
            of.document_id,
            expression,
            f"#version = :current AND NOT #status IN ({', '.join(f':{name}' for name in closed)}) AND {also}",
            {**values, "current": of.version, **closed},
            names={*names, "version", "status"},
            more_names=more_names,
        )

    def _update(
        self,
        tenant: str,
        document_id: str,
        expression: str,
        condition: str,
        values: Mapping[str, Any],
        *,
        names: Iterable[str],
        more_names: Mapping[str, str] | None = None,
    ) -> Row | None:
        """The row after an update, or None if its condition does not hold."""
        try:
            answer = self.dynamodb.update_item(
                TableName=self.table,
                Key=to_item({"tenant": tenant, "document_id": document_id}),
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeNames={**{f"#{name}": name for name in names}, **(more_names or {})},
                ExpressionAttributeValues=to_item({f":{name}": value for name, value in values.items()}),
                ReturnValues="ALL_NEW",
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return None
        return from_item(answer["Attributes"])


_EMPTY: dict[str, Any] = {
    "pages": {"total": 0, "extracted": 0},
    "ranges_total": 0,
    "ranges": {},
    "attachments": 0,
    "chunks_total": 0,
    "chunks_kept": 0,
    "batches_total": 0,
    "batches": {},
    "summary_parts": 0,
    "summaries": {},
    "summary": None,
    "tokens": 0,
    "estimate": None,
    "missing": [],
    "date": None,
    "metadata": "{}",
}


def _new(place: Place) -> Row:
    """The row of a document nothing is known of but its place."""
    now = _now()
    return {
        "tenant": place.tenant,
        "document_id": place.document_id,
        "collection": place.collection,
        "filename": place.filename,
        "version": 0,
        "live": 0,
        "retries": 0,
        "confirm": False,
        "confirmed": 0,
        "erased": None,
        "error": None,
        "size": 0,
        "created_at": now,
        "updated_at": now,
        **_EMPTY,
    }


def _named(row: Row) -> dict[str, str]:
    return {name: row[name] for name in ("document_id", "collection", "filename")}


def _emits(tenant: str, document_id: str, event: Event, *, once: str) -> Mapping[str, Any]:
    return emits(event, tenant=tenant, subject=f"documents/{document_id}", once=once)


def budget_of(row: Row) -> str:
    """The id the spending of a row's version is booked under."""
    of = DocumentVersion(tenant=row["tenant"], document_id=row["document_id"], version=int(row["version"]))
    return of.budget


def is_held(row: Row) -> bool:
    """Whether a row's version may cost nothing before somebody confirms it."""
    return bool(row["confirm"] and row["confirmed"] != row["version"])


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
