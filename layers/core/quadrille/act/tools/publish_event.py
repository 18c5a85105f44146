"""Telling the world outside through the event bus."""

from typing import Annotated, Any

from pydantic import Field

from quadrille.act.tooling import Arguments, Observation, Use, Workbench, tool
from quadrille.events import AgentEvent, Envelope


class Announcement(Arguments):
    """What happened."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$", description="Such as order.checked")]
    data: Annotated[dict[str, Any], Field(description="A JSON object with whatever there is to say.")]


@tool(effect=True)
def publish_event(arguments: Announcement, use: Use, bench: Workbench) -> Observation:
    """Publish an event on the event bus, for other systems to act on."""
    event = AgentEvent(task_id=use.task_id, **arguments.model_dump())
    bench.outbox().put(
        Envelope.of(event, tenant=use.tenant, subject=f"tasks/{use.task_id}", once=use.key, hops=use.hops)
    )
    return Observation(f"The event {arguments.name!r} is published.")
