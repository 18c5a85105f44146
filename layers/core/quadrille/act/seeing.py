"""What people see of a task."""

from collections.abc import Sequence

from quadrille.act.approvals import asked
from quadrille.act.context import place_of
from quadrille.act.limits import seconds
from quadrille.act.models import Task, approval
from quadrille.costs import Costs
from quadrille.rows import Row
from quadrille.steps import Steps
from quadrille.tasks import Status


def listed(tenant: str, rows: Sequence[Row], *, costs: Costs, now: float) -> list[Task]:
    """Tasks with what they have cost."""
    receipts = costs.receipts(tenant, "task", [row["sk"] for row in rows])
    return [Task.of(row, receipts[row["sk"]], seconds=seconds(row, now=now)) for row in rows]


def shown(row: Row, *, costs: Costs, steps: Steps, now: float) -> Task:
    """A task with what it has cost and what it waits for."""
    tenant, task_id = row["pk"].removeprefix("task#"), row["sk"]
    receipt = costs.receipts(tenant, "task", [task_id])[task_id]
    waiting = []
    if row["status"] == Status.WAITING:
        step = steps.get(tenant, task_id, int(row["step"])) or {"calls": []}
        waiting = [
            approval(id_, step["calls"][place_of(id_)[1]], call)
            for id_, call in asked(row, steps).items()
            if call["decision"] == "pending"
        ]
    return Task.of(row, receipt, seconds=seconds(row, now=now), approvals=waiting)
