"""What the act room takes and gives over HTTP."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from quadrille.act.context import call_id
from quadrille.act.masking import masked, masked_arguments
from quadrille.documents import COLLECTION
from quadrille.http import Body
from quadrille.money import dollars, plain
from quadrille.receipts import Receipt
from quadrille.rows import Row
from quadrille.steps import Step
from quadrille.tasks import Status

Collection = Annotated[str, StringConstraints(pattern=rf"^{COLLECTION.pattern}$")]
Dollars = Annotated[Decimal, Field(gt=0, le=1_000, decimal_places=9), AfterValidator(plain)]
Goal = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
ToolName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
_PREVIEW = 500  # characters of an observation that the trace shows


class Allowance(Body):
    """What a task may use at most: steps, tokens in and out, US dollars, seconds under way, and calls of tools."""

    iterations: Count | None = None
    tokens: Count | None = None
    usd: Dollars | None = None
    seconds: Count | None = None
    tool_calls: Count | None = None


class TaskRequest(Body):
    """`POST /tasks`: what is to be done, with which tools (all, if none are named) over which documents."""

    goal: Goal
    tools: Annotated[list[ToolName], Field(max_length=100)] | None = None
    collection: Collection = "default"
    budget: Allowance = Allowance()


class ResumeRequest(Body):
    """`POST /tasks/{id}/resume`: what the task may use from now on, in all; what is not named stays."""

    budget: Allowance = Allowance()


class DecisionRequest(Body):
    """`POST /tasks/{id}/approvals/{approval_id}`: the comment is told to the agent, and is the answer to its question.

    With `arguments` the call is made with these instead.
    """

    decision: Literal["approve", "reject"]
    comment: Annotated[str, StringConstraints(max_length=4_000)] = ""
    arguments: dict[str, Any] | None = None


class LimitsGiven(BaseModel):
    """What the task may use at most."""

    iterations: int
    tokens: int
    usd: str
    seconds: int
    tool_calls: int


class Usage(BaseModel):
    """What the task has used; its tokens and dollars are in the receipt."""

    iterations: int
    tool_calls: int
    seconds: int


class EvidenceGiven(BaseModel):
    """A passage the agent gives for its result; `found` says whether the call gave it, character by character."""

    call: str
    quote: str
    found: bool


class Approval(BaseModel):
    """A call that waits for a decision, as it would be made."""

    approval_id: str
    tool: str
    arguments: Any
    expires_at: str


class Task(BaseModel):
    """A task and how far it has come. `approvals` are what it waits for."""

    task_id: str
    status: Status
    goal: str
    collection: str
    tools: list[str] | None
    budget: LimitsGiven
    used: Usage
    stop_reason: str | None
    error: str | None
    result: str | None
    evidence: list[EvidenceGiven]
    open_points: list[str]
    approvals: list[Approval]
    steps: int
    receipt: dict[str, Any]
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, row: Row, receipt: Receipt, *, seconds: int, approvals: list[Approval] | None = None) -> "Task":
        """A row of the tasks table, and what the task has cost so far."""
        return cls.model_validate(
            {
                **row,
                "task_id": row["sk"],
                "budget": {**row["limits"], "usd": dollars(row["limits"]["usd"])},
                "used": {"iterations": row["step"], "tool_calls": row["tool_calls"], "seconds": seconds},
                "approvals": approvals or [],
                "steps": row["step"],
                "receipt": receipt.public(),
                "created_at": moment(row["created_at"]),
                "updated_at": moment(row["updated_at"]),
            }
        )


class TaskList(BaseModel):
    """A page of tasks, newest first, and the cursor of the next one if there may be more."""

    items: list[Task]
    cursor: str | None


class Decided(BaseModel):
    """What a human decided about a call: `pending`, `approve` or `reject`, and who, by the id of their key."""

    decision: str
    comment: str
    by: str | None
    at: str | None


class CallMade(BaseModel):
    """A call of a step. Secrets in `arguments` are masked, and `observation` is the beginning of what it gave."""

    call_id: str
    tool: str
    arguments: Any
    status: Literal["refused", "waiting", "running", "done", "failed"]
    observation: str | None
    approval: Decided | None
    started_at: str | None
    ms: int | None
    cost_usd: str


class StepTaken(BaseModel):
    """A step: what the model thought and called, what that gave, and what it took."""

    number: int
    thought: str
    calls: list[CallMade]
    tokens: dict[str, int]
    cost_usd: str
    ms: int
    at: str

    @classmethod
    def of(cls, step: Step) -> "StepTaken":
        """A step's row with those of its calls."""
        row = step.row
        calls = [
            _call(step.number, number, call, step.calls.get(number, {})) for number, call in enumerate(row["calls"])
        ]
        return cls(
            number=step.number,
            thought=masked(row["thought"]),
            calls=calls,
            tokens={name: int(row["receipt"]["tokens"][name]) for name in ("input", "output")},
            cost_usd=row["receipt"]["cost_usd"],
            ms=int(row["ms"]),
            at=moment(row["at"], per_second=1_000),
        )


class StepList(BaseModel):
    """A page of steps in order, and the cursor of the next one if there may be more."""

    steps: list[StepTaken]
    cursor: str | None


class ToolGiven(BaseModel):
    """A tool: `schema` is the JSON schema of its arguments. With `approval` a human decides about each call; an
    `effect` changes something outside."""

    name: str
    description: str
    schema_: dict[str, Any] = Field(alias="schema")
    approval: bool
    effect: bool


class ToolList(BaseModel):
    """The tools there are."""

    items: list[ToolGiven]
    cursor: None = None


def approval(id_: str, call: Mapping[str, Any], row: Row) -> Approval:
    """A call that waits for a decision."""
    arguments = masked_arguments(call["arguments"])
    return Approval(approval_id=id_, tool=call["name"], arguments=arguments, expires_at=moment(row["until"]))


def moment(at: Any, *, per_second: int = 1) -> str:
    """A time since the epoch as RFC 3339."""
    spec = "seconds" if per_second == 1 else "milliseconds"
    return datetime.fromtimestamp(float(at) / per_second, UTC).isoformat(timespec=spec).replace("+00:00", "Z")


def _call(step: int, number: int, call: Mapping[str, Any], row: Row) -> CallMade:
    began, ended = row.get("begun"), row.get("ended")
    observation = row.get("observation") or call["refused"] or None
    return CallMade(
        call_id=call_id(step, number),
        tool=call["name"],
        arguments=masked_arguments(row.get("arguments") or call["arguments"]),
        status=_status(call, row),
        observation=observation and masked(observation[:_PREVIEW]),
        approval=_decided(row) if "decision" in row else None,
        started_at=moment(began, per_second=1_000) if began else None,
        ms=int(ended - began) if began and ended else None,
        cost_usd=row["receipt"]["cost_usd"] if "receipt" in row else "0",
    )


def _status(call: Mapping[str, Any], row: Row) -> str:
    if call["refused"]:
        return "refused"
    if "observation" in row:
        return "failed" if row["kind"] == "error" else "done"
    return "waiting" if row.get("decision") == "pending" else "running"


def _decided(row: Row) -> Decided:
    at = row.get("decided_at")
    by = row.get("decided_by")
    return Decided(decision=row["decision"], comment=row.get("comment", ""), by=by, at=moment(at) if at else None)
