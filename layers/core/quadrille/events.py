"""The catalogue of events: what may happen, as versioned models, and the envelope in which it travels on the bus.

A type's name is its class's. A reader must take fields it does not know; a change no reader could bear is a new
version. `docs/events/` has each type's JSON schema, who publishes it and who consumes it.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from quadrille.errors import Parked

ID = "[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}"


class Event(BaseModel):
    """What happened: the base of every type.

    One that is `public` may be posted over HTTP; all others are facts that only Quadrille knows. `pays` names the
    budget under which what it leads to is paid for, if anything is.
    """

    model_config = ConfigDict(frozen=True)

    version: ClassVar[int] = 1
    public: ClassVar[bool] = False
    pays: ClassVar[Literal["nothing", "document", "task", "case"]] = "nothing"


class DocumentUploaded(Event):
    """A file was read for the first time, or with new content: a new version of its document begins."""

    document_id: str
    collection: str
    filename: str
    document_version: int
    size: int


class DocumentIndexed(Event):
    """A version of a document is searchable, whole (`ready`) or with parts missing (`partial`)."""

    document_id: str
    collection: str
    filename: str
    document_version: int
    status: Literal["ready", "partial"]
    pages: int
    chunks: int
    tokens: int
    missing: int


class DocumentFailed(Event):
    """A version of a document came to nothing; its owner can mend it or try again."""

    document_id: str
    collection: str
    filename: str
    document_version: int
    error: str


class SummaryRequested(Event):
    """A searchable document is to have a summary, however short it is."""

    public = True
    pays = "document"

    document_id: str


class TaskRequested(Event):
    """An agent is to work on a task: `POST /tasks` as an event. `because` is what asked for it, as data."""

    public = True
    pays = "task"

    goal: Annotated[str, Field(min_length=1)]
    collection: str = "default"
    tools: list[str] | None = None
    budget: dict[str, Any] = {}
    because: dict[str, Any] | None = None


class TaskFinished(Event):
    """A run of a task ended. `GET /tasks/{id}` has its result."""

    task_id: str
    run: int
    status: Literal["completed", "stopped", "failed", "cancelled"]
    stop_reason: str | None


class AgentEvent(Event):
    """An agent said something with its tool `publish_event`. A model chose the name and the data: they are data."""

    task_id: str
    name: str
    data: dict[str, Any]


class EmailReceived(Event):
    """A mail lies in the bucket and has a case."""

    pays = "case"

    email_id: str


class EmailTriaged(Event):
    """A mail was classified, and answered by a draft if it wants an answer."""

    email_id: str
    status: str
    category: str | None
    priority: str | None
    sentiment: str | None
    language: str | None
    drafted: bool


class TicketCreated(Event):
    """A customer wrote to the desk."""

    pays = "case"

    ticket_id: str
    source_id: str


class TicketEnriched(Event):
    """All that is known of a ticket stands beside it, but for the stages named in `missing`."""

    ticket_id: str
    missing: list[str]


class ReplyApproved(Event):
    """A human approved a reply. Sending it is the work of the system that consumes this."""

    ticket_id: str
    draft_id: str
    to: str
    text: str


class PullRequestOpened(Event):
    """A pull request was opened, or has new commits."""

    repository: str
    number: int
    head_sha: str
    base_sha: str
    title: str
    diff_url: str


class BudgetExceeded(Event):
    """A budget refused a call for the first time. Amounts are US dollars."""

    scope: str
    id: str
    limit_usd: str
    spent_usd: str
    reserved_usd: str
    renews_at: str | None


CATALOGUE: dict[str, type[Event]] = {type_.__name__: type_ for type_ in Event.__subclasses__()}


class Envelope(BaseModel):
    """An event on the bus: the detail of its entry. `subject` is what it is about, such as `documents/doc_...`.

    `hops` counts the events that led to this one. `type` has a dot if it is nobody's but the tenant's own.
    """

    model_config = ConfigDict(frozen=True)

    id: Annotated[str, Field(pattern=rf"^{ID}$")]
    type: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9._-]{0,127}$")]
    version: int = 1
    time: str
    tenant: str
    subject: str
    hops: int = 0
    data: dict[str, Any]

    @classmethod
    def of(cls, event: Event, *, tenant: str, subject: str, once: str = "", hops: int = 0) -> "Envelope":
        """An event of the catalogue. Its id follows from what it is about and `once`: the same change, the same id."""
        type_ = type(event).__name__
        content = "\n".join((tenant, type_, str(event.version), subject, once))
        return cls(
            id="evt_" + hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:32],
            type=type_,
            version=event.version,
            time=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            tenant=tenant,
            subject=subject,
            hops=hops,
            data=event.model_dump(mode="json"),
        )

    @property
    def source(self) -> str:
        """Its source on the bus: types that are a tenant's own have another one."""
        return "quadrille.external" if self.is_own else "quadrille"

    @property
    def is_own(self) -> bool:
        """Whether the type is a tenant's own, of which the catalogue knows nothing."""
        return "." in self.type

    def event(self) -> Event:
        """The event as its model has it. Raises `Parked` for a type or version that is not in the catalogue."""
        model = CATALOGUE.get(self.type)
        if model is None:
            raise Parked(f"There is no event type {self.type!r} in this version of Quadrille.")
        if self.version != model.version:
            raise Parked(f"{self.type} has version {model.version} here, and not {self.version}.")
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            where = ".".join(str(part) for part in error.errors()[0]["loc"])
            raise Parked(f"{self.type}: {where or 'data'}: {error.errors()[0]['msg']}.") from None


def emits(event: Event, *, tenant: str, subject: str, once: str = "", hops: int = 0) -> Mapping[str, Any]:
    """What a row's write carries for the event to be published: it is in the same write as the change it reports.

    The table's stream brings it to `functions/react/publish`. The same event once more changes nothing.
    """
    envelope = Envelope.of(event, tenant=tenant, subject=subject, once=once, hops=hops)
    return {"emits": {"id": envelope.id, "event": envelope.model_dump_json()}}
