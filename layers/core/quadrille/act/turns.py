"""What the state machine carries from state to state: ids and small facts, never content."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Next = Literal["think", "use_tools", "approve", "compact", "finish", "stop", "continue", "end"]


class Turn(BaseModel):
    """Where a run of a task is. `step` is the last step that was decided, `since` the first of this execution.

    `calls` are the numbers of the step's calls that are to be made; `reason` says why to stop.
    """

    model_config = ConfigDict(frozen=True)

    tenant: str
    task_id: str
    run: int
    step: int = 0
    since: int = 0
    next: Next = "think"
    calls: list[int] = []
    approval_seconds: int = 0
    reason: str = ""
    error: dict[str, Any] | None = None

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "Turn":
        """The turn a state is given, or the one that an execution began with, as the event of its failure has it."""
        return cls.model_validate_json(event["detail"]["input"]) if "detail" in event else cls.model_validate(event)

    def to(self, next_: Next, **changes: Any) -> "Turn":
        """The same on its way to another state."""
        return self.model_copy(update={"next": next_, "calls": [], "reason": "", **changes})


class CallOfTurn(Turn):
    """One call of a step: what a worker of the Map takes."""

    call: int
