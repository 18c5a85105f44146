"""Dead letters: how many there are, what they are, and the way back into the pipeline for those that still matter."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from quadrille import dead_letters
from quadrille.blobs import Blobs
from quadrille.dead_letters import REDRIVEN, UNREADABLE
from quadrille.documents import ENDED, Documents, Place, Status
from quadrille.errors import Invalid, NotFound
from quadrille.ingest.stages import STAGES
from quadrille.ingest.uploads import reading_of
from quadrille.messages import Deletion, DocumentVersion, Erasure, ObjectCreated, ObjectDeleted
from quadrille.queues import Queue
from quadrille.rows import Row


def depth(*, queue: Callable[[str], Queue]) -> dict[str, Any]:
    """How many messages each stage has waiting, and how many were set aside."""
    queues = {stage: queue(stage) for stage in STAGES}
    return {stage: {"waiting": it.depth(), "dead": it.dead_letters().depth()} for stage, it in queues.items()}


def samples(stage: str, limit: int, *, queue: Callable[[str], Queue], documents: Documents) -> dict[str, Any]:
    """At most `limit` (up to ten) of a stage's dead letters, without content. They stay where they are."""
    return dead_letters.samples(queue(stage), limit, lambda body: _shown(stage, body, documents), of={"stage": stage})


def redrive(
    stage: str, limit: int, *, queue: Callable[[str], Queue], documents: Documents, blobs: Blobs, ends_at: float
) -> dict[str, Any]:
    """Send at most `limit` dead letters of a stage back, and drop those whose work is done or no longer wanted.

    One that is sent twice because of a kill is borne by every stage. What is no message of the stage stays. `ends_at`
    is in seconds since the epoch.
    """
    work = _Redrive(stage, queue(STAGES[stage].resumes_at), documents, blobs)
    return dead_letters.redrive(queue(stage), limit, work.take, ends_at=ends_at, of={"stage": stage})


@dataclass(frozen=True, slots=True)
class _Redrive:
    """What one run has sent back so far: of a document whose batches lie here together, one message is enough."""

    stage: str
    target: Queue
    documents: Documents
    blobs: Blobs
    sent: set[DocumentVersion] = field(default_factory=set)

    def take(self, body: str) -> str:
        """Send one message back, and say so; or why it is not."""
        kind = STAGES[self.stage]
        try:
            message = kind.model.model_validate_json(body)
        except ValidationError:
            return UNREADABLE
        row = _row(message, self.documents)
        reason = self._settled(message, row)
        if reason:
            return reason
        if row:
            self.documents.reopen(_version(row), kind.status)
        self._send(message, row)
        return REDRIVEN

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


def _shown(stage: str, body: str, documents: Documents) -> dict[str, Any]:
    """What a message says and what its document's state is."""
    try:
        message = STAGES[stage].model.model_validate_json(body)
    except ValidationError:
        return {"problem": f"This is no message of the stage {stage}."}
    row = _row(message, documents)
    about = {name: row[name] for name in ("filename", "status", "error")} if row else {"status": None}
    return {**_ids(message), **about}


def _ids(message: BaseModel) -> dict[str, Any]:
    match message.root if isinstance(message, Erasure) else message:
        case DocumentVersion() as version:
            return version.model_dump()
        case ObjectCreated(detail=detail) | ObjectDeleted(detail=detail):
            return {"key": detail.object.key}
    return {}
