"""Watching something over a WebSocket: a `progress` frame whenever its row changes, until it is final.

Nothing polls: the stream of a table brings each change, and the connections table who watches it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from quadrille.connections import Connections, Watcher
from quadrille.errors import Abandoned, Invalid
from quadrille.frames import Frame, Sender
from quadrille.rows import Row, from_item
from quadrille.sockets import Sockets


class WatchFrame(Frame):
    """`watch`: how far `documents/<id>` or `tasks/<id>` is, whenever that changes."""

    action: Literal["watch"]
    resource: str


@dataclass(frozen=True, slots=True)
class Kind:
    """Something that can be watched: the rows of a table, whose resources are `<name>/<id>`.

    `load` raises `NotFound`; `place` gives the tenant and the id of one of its rows, and None for any other row.
    """

    name: str
    scope: str
    load: Callable[[str, str], Row]
    place: Callable[[Row], tuple[str, str] | None]
    show: Callable[[Row], dict[str, Any]]
    is_final: Callable[[Row], bool]


@dataclass(frozen=True, slots=True)
class Window:
    """What watching takes."""

    kinds: Sequence[Kind]
    connections: Connections
    sockets: Sockets


def watch(frame: WatchFrame, sender: Sender, *, window: Window, seconds: int, limit: int) -> None:
    """Show something and watch it for so many seconds. Raises `Forbidden`, `Invalid`, `NotFound` and `Abandoned`."""
    name, _, id_ = frame.resource.partition("/")
    kind = next((kind for kind in window.kinds if kind.name == name), None)
    if kind is None:
        names = " or ".join(f"{kind.name}/<id>" for kind in window.kinds)
        raise Invalid("resource", f"must be {names}")
    sender.who.require(kind.scope)
    tenant, watcher = sender.who.tenant, Watcher(sender.connection.id, frame.id)
    row = kind.load(tenant, id_)
    if not kind.is_final(row):
        window.connections.watch(watcher, tenant, frame.resource, seconds=seconds, limit=limit)
        row = kind.load(tenant, id_)  # as it is now that no change is missed any more
    _show(kind, row, watcher, tenant, frame.resource, window)


def push(records: Sequence[Mapping[str, Any]], *, window: Window) -> int:
    """Show changed rows to those who watch them; how many frames were sent.

    Of several changes of one row the last counts. Raises `Busy` if the gateway throttles.
    """
    images = (record["dynamodb"].get("NewImage") for record in records)
    rows = [from_item(image) for image in images if image]
    changed = {(kind.name, *at): (kind, row) for row in rows for kind in window.kinds if (at := kind.place(row))}
    sent = 0
    for (name, tenant, id_), (kind, row) in changed.items():
        resource = f"{name}/{id_}"
        for watcher in window.connections.watchers(tenant, resource):
            sent += _show(kind, row, watcher, tenant, resource, window)
    return sent


def _show(kind: Kind, row: Row, watcher: Watcher, tenant: str, resource: str, window: Window) -> bool:
    """Send the progress; false if the watcher is gone. Who has seen the end watches no more."""
    frame = {"type": "progress", "id": watcher.id, "resource": resource, **kind.show(row)}
    try:
        window.sockets.post(watcher.connection_id, frame)
    except Abandoned:
        window.connections.unwatch(watcher, tenant, resource)
        return False
    if kind.is_final(row):
        window.connections.unwatch(watcher, tenant, resource)
    return True
