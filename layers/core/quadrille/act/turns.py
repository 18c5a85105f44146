"""What the state machine carries from state to state: ids and small facts, never content."""

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

    def to(self, next_: Next, **changes: Any) -> "Turn":
        """The same on its way to another state."""
        return self.model_copy(update={"next": next_, "calls": [], "reason": "", **changes})


class CallOfTurn(Turn):
    """One call of a step: what a worker of the Map takes."""

    call: int
