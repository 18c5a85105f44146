"""Dead letters: how many there are, what they are, and the way back into the pipeline for those that still matter."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from pydantic import BaseModel, ValidationError

from quadrille.blobs import Blobs
from quadrille.documents import ENDED, Documents, Place, Status
from quadrille.errors import Invalid, NotFound
from quadrille.ingest.stages import STAGES
from quadrille.ingest.uploads import reading_of
from quadrille.messages import Deletion, DocumentVersion, Erasure, ObjectCreated, ObjectDeleted
from quadrille.queues import Queue
from quadrille.rows import Row

if TYPE_CHECKING:
    from types_boto3_sqs.type_defs import MessageTypeDef

logger = Logger()

_SHOWN = 10  # seconds a message is hidden while it is looked at
_HIDDEN = 60  # seconds; longer than a redrive takes, so that no message is met twice in one
_REDRIVEN, _UNREADABLE = "redriven", "unreadable"


def depth(*, queue: Callable[[str], Queue]) -> dict[str, Any]:
    """How many messages each stage has waiting, and how many were set aside."""
    queues = {stage: queue(stage) for stage in STAGES}
    return {stage: {"waiting": it.depth(), "dead": it.dead_letters().depth()} for stage, it in queues.items()}


def samples(stage: str, limit: int, *, queue: Callable[[str], Queue], documents: Documents) -> dict[str, Any]:
    """At most `limit` (up to ten) of a stage's dead letters, without content. They stay where they are."""
    dead = queue(stage).dead_letters()
    found = dead.receive(limit, hidden=_SHOWN)
    items = [_sample(stage, message, documents) for message in found]
    for message in found:
        dead.postpone(message["ReceiptHandle"], seconds=0)
    return {"stage": stage, "items": items, "dead": dead.depth()}


def redrive(
    stage: str, limit: int, *, queue: Callable[[str], Queue], documents: Documents, blobs: Blobs, ends_at: float
) -> dict[str, Any]:
    """Send at most `limit` dead letters of a stage back, and drop those whose work is done or no longer wanted.

    A message leaves the dead-letter queue after it was sent: a kill between the two sends it twice, which every stage
    bears. What is no message of the stage stays. `ends_at` is in seconds since the epoch.
    """
    dead, work = queue(stage).dead_letters(), _Redrive(stage, queue(STAGES[stage].resumes_at), documents, blobs)
    outcomes: Counter[str] = Counter()
    kept = []
    while outcomes.total() < limit and (found := dead.receive(limit - outcomes.total(), hidden=_HIDDEN)):
        for message in found:
            outcome = work.take(message) if time.time() < ends_at else ""
            if outcome in ("", _UNREADABLE):
                kept.append(message["ReceiptHandle"])
            else:
                dead.delete(message["ReceiptHandle"])
            outcomes[outcome] += 1
        if outcomes[""]:
            break
    for handle in kept:
        dead.postpone(handle, seconds=0)
    redriven, unreadable, _ = outcomes.pop(_REDRIVEN, 0), outcomes.pop(_UNREADABLE, 0), outcomes.pop("", 0)
    logger.info("dead_letters_redriven", stage=stage, redriven=redriven, unreadable=unreadable, dropped=outcomes)
    return {
        "stage": stage,
        "redriven": redriven,
        "dropped": dict(outcomes),
        "unreadable": unreadable,
        "left": dead.depth(),
    }


@dataclass(frozen=True, slots=True)
class _Redrive:
    """What one run has sent back so far: of a document whose batches lie here together, one message is enough."""

    stage: str
    target: Queue
    documents: Documents
    blobs: Blobs
    sent: set[DocumentVersion] = field(default_factory=set)

    def take(self, letter: "MessageTypeDef") -> str:
        """Send one message back, and say so; or why it is not."""
        kind = STAGES[self.stage]
        try:
            message = kind.model.model_validate_json(letter["Body"])
        except ValidationError:
            return _UNREADABLE
        row = _row(message, self.documents)
        reason = self._settled(message, row)
        if not reason:
            if row:
                self.documents.reopen(_version(row), kind.status)
            self._send(message, row)
        logger.info("dead_letter_taken", stage=self.stage, message_id=letter["MessageId"], outcome=reason or _REDRIVEN)
        return reason or _REDRIVEN

    def _send(self, message: BaseModel, row: Row | None) -> None:
        if not isinstance(message, DocumentVersion) or row is None:
            self.target.send(message)
            return
        version = message.of_version()
        if version not in self.sent:
            self.target.send(reading_of(row) if STAGES[self.stage].resumes_at == "extract" else version)
            self.sent.add(version)

    def _settled(self, message: BaseModel, row: Row | None) -> str:
        """Why a message has nothing left to do; empty if it has."""
        match message:
            case Erasure():
                return _erased(message.root, row)
            case ObjectCreated():
                return self._read(message, row)
            case DocumentVersion() if row:
                return _ended(message, row)
        return "gone"

    def _read(self, event: ObjectCreated, row: Row | None) -> str:
        """The same of a file that was to be read: it may be gone, or there again."""
        item = event.detail.object
        if self.blobs.about(item.key) is None:
            return "deleted" if row and row["status"] == Status.DELETED else "gone"
        if row is None:
            return ""
        if row.get("sequencer", "") > item.sequencer:
            return "superseded"
        searchable = row["status"] in (Status.READY, Status.PARTIAL)
        return "done" if searchable and item.etag and row.get("etag") == item.etag else ""


def _ended(version: DocumentVersion, row: Row) -> str:
    if row["status"] == Status.DELETED:
        return "deleted"
    if row["version"] != version.version:
        return "superseded"
    return "done" if row["status"] in ENDED else ""


def _erased(deletion: Deletion | ObjectDeleted, row: Row | None) -> str:
    if row is None:
        return "gone"
    if isinstance(deletion, ObjectDeleted) and row.get("sequencer", "") > deletion.detail.object.sequencer:
        return "superseded"
    if isinstance(deletion, Deletion) and deletion.late:  # it looks once more after all that was noted
        return ""
    return "done" if row["status"] == Status.DELETED and row["erased"] is not None else ""


def _row(message: BaseModel, documents: Documents) -> Row | None:
    """The document a message is about."""
    match message.root if isinstance(message, Erasure) else message:
        case DocumentVersion(tenant=tenant, document_id=document_id):
            return _found(documents, tenant, document_id)
        case ObjectCreated(detail=detail) | ObjectDeleted(detail=detail):
            try:
                place = Place.of(detail.object.key)
            except Invalid:
                return None
            return _found(documents, place.tenant, place.document_id)
    return None


def _found(documents: Documents, tenant: str, document_id: str) -> Row | None:
    try:
        return documents.get(tenant, document_id)
    except NotFound:
        return None


def _version(row: Row) -> DocumentVersion:
    return DocumentVersion(tenant=row["tenant"], document_id=row["document_id"], version=int(row["version"]))


def _sample(stage: str, letter: "MessageTypeDef", documents: Documents) -> dict[str, Any]:
    """What is known of a message: ids, its document's state, its receives. Times are RFC 3339 UTC."""
    attributes = letter["Attributes"]
    shown: dict[str, Any] = {
        "message_id": letter["MessageId"],
        "receives": int(attributes["ApproximateReceiveCount"]),
        "sent_at": _time(attributes["SentTimestamp"]),
        "first_received_at": _time(attributes["ApproximateFirstReceiveTimestamp"]),
    }
    try:
        message = STAGES[stage].model.model_validate_json(letter["Body"])
    except ValidationError:
        return {**shown, "problem": f"This is no message of the stage {stage}."}
    row = _row(message, documents)
    about = {name: row[name] for name in ("filename", "status", "error")} if row else {"status": None}
    return {**shown, **_ids(message), **about}


def _ids(message: BaseModel) -> dict[str, Any]:
    match message.root if isinstance(message, Erasure) else message:
        case DocumentVersion() as version:
            return version.model_dump()
        case ObjectCreated(detail=detail) | ObjectDeleted(detail=detail):
            return {"key": detail.object.key}
    return {}


def _time(milliseconds: str) -> str:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
