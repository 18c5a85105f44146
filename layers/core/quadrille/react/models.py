"""What the react room takes and gives over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from quadrille.act.models import Allowance, Collection, Goal, ToolName
from quadrille.events import ID
from quadrille.http import Body

RuleId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Type = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9._-]{0,127}$")]


class CloudEvent(BaseModel):
    """A CloudEvents 1.0 event. Extension attributes are taken and, but for `schemaversion` and `hops`, not used.

    `hops` counts the events that led to this one: who answers an event with an event sends that one's and one more.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    specversion: Literal["1.0"]
    id: Annotated[str, StringConstraints(pattern=rf"^{ID}$")]
    source: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    type: Type
    subject: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None
    time: datetime | None = None
    datacontenttype: Annotated[str, StringConstraints(pattern=r"^application/([a-z0-9.+-]+\+)?json(;.*)?$")] | None = (
        None
    )
    schemaversion: Annotated[int, Field(ge=1, le=1_000)] = 1
    hops: Annotated[int, Field(ge=0, le=1_000)] = 0
    data: dict[str, Any] = {}


class Accepted(BaseModel):
    """What became of an event: `accepted`, `known` (one with this id came before), or `parked` and why."""

    id: str
    status: Literal["accepted", "known", "parked"]
    detail: str = ""


class AcceptedEvents(BaseModel):
    """The same for a batch."""

    items: list[Accepted]


class ParkedEvent(BaseModel):
    """An event that could not be taken, and why."""

    id: str
    type: str
    version: int
    time: str
    subject: str
    data: dict[str, Any]
    reason: str


class ParkedEvents(BaseModel):
    """A page of parked events, and the cursor of the next one if there may be more.

    A page of large events has fewer than were asked for.
    """

    items: list[ParkedEvent]
    cursor: str | None


class Delivered(BaseModel):
    """What became of a delivery: `accepted`, `known` (its message came before), or `parked` and why.

    `id` is that of `GET /tickets/{id}`; of what is parked, of `GET /events`. `ticket_id` is the source's own.
    """

    id: str
    ticket_id: str
    status: Literal["accepted", "known", "parked"]
    detail: str = ""


class TaskAction(Body):
    """Let an agent work on a goal; it is told of the event, as data."""

    kind: Literal["task"]
    goal: Goal
    collection: Collection = "default"
    tools: Annotated[list[ToolName], Field(max_length=100)] | None = None


class SummaryAction(Body):
    """Give the document the event is about a summary, however short it is."""

    kind: Literal["summary"]


class RuleRequest(Body):
    """`PUT /rules/{id}`: when an event matches the pattern, do the action, with at most this budget for a task."""

    pattern: dict[str, Any]
    action: Annotated[TaskAction | SummaryAction, Field(discriminator="kind")]
    budget: Allowance = Allowance()
    enabled: bool = True


class Rule(BaseModel):
    """A rule as it is kept."""

    rule_id: str
    pattern: dict[str, Any]
    action: Annotated[TaskAction | SummaryAction, Field(discriminator="kind")]
    budget: Allowance
    enabled: bool


class RuleList(BaseModel):
    """All of a tenant's rules."""

    items: list[Rule]
