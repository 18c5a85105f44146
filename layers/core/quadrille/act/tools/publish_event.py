"""Telling the world outside through the event bus."""

from typing import Annotated, Any

from pydantic import Field

from quadrille.act.tooling import Arguments, Observation, Use, Workbench, tool

_SOURCE = "quadrille.agent"  # so that it never looks like an event of ours


class Event(Arguments):
    """What happened."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$", description="Such as order.checked")]
    data: Annotated[dict[str, Any], Field(description="A JSON object with whatever there is to say.")]


@tool(effect=True)
def publish_event(arguments: Event, use: Use, bench: Workbench) -> Observation:
    """Publish an event on the event bus, for other systems to act on."""
    detail = {"id": use.key, "tenant": use.tenant, "task_id": use.task_id, **arguments.model_dump()}
    bench.bus().publish("AgentEvent", detail, source=_SOURCE)
    return Observation(f"The event {arguments.name!r} is published.")
