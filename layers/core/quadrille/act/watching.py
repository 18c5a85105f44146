"""Tasks, as they can be watched."""

from typing import Any

from quadrille.act.models import moment
from quadrille.rows import Row
from quadrille.tasks import ACTIVE, Tasks
from quadrille.watching import Kind


def tasks_kind(tasks: Tasks) -> Kind:
    """Tasks: what has ended is final until somebody resumes it."""
    return Kind("tasks", "act", tasks.get, _place, _show, lambda row: row["status"] not in ACTIVE)


def _place(row: Row) -> tuple[str, str] | None:
    """The tasks table has rows of steps and calls, too."""
    kind, _, tenant = str(row.get("pk", "")).partition("#")
    return (tenant, row["sk"]) if kind == "task" else None


def _show(row: Row) -> dict[str, Any]:
    return {
        "task_id": row["sk"],
        "status": row["status"],
        "steps": int(row["step"]),
        "tool_calls": int(row["tool_calls"]),
        "stop_reason": row["stop_reason"],
        "error": row["error"],
        "updated_at": moment(row["updated_at"]),
    }
