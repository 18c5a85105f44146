"""Tools that are not in this package: Lambda functions with a schema, and what MCP servers offer."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from quadrille.act.schemas import checker, closed
from quadrille.act.tooling import Observation, Tool, Use, Workbench
from quadrille.config import ToolFunction
from quadrille.errors import Invalid, QuadrilleError

if TYPE_CHECKING:
    from mcp.types import Tool as Offer

    from quadrille.functions import Functions
    from quadrille.toolservers import Toolserver

logger = Logger()

_UNNAMEABLE = re.compile(r"[^A-Za-z0-9_-]")
_NAME, _DESCRIPTION = 64, 1_024  # characters a model's provider takes


def of_function(function: ToolFunction, ask: "Callable[[], Functions]") -> Tool:
    """A Lambda function as a tool: it is given tenant, task and key besides the arguments."""

    def run(arguments: Any, use: Use, bench: Workbench) -> Observation:
        about = {"tenant": use.tenant, "task_id": use.task_id, "key": use.key}
        return Observation(ask().ask(function.arn, {**about, "arguments": arguments}))

    schema = closed(function.arguments)
    return Tool(
        name=function.name,
        description=function.description,
        schema=schema,
        approval=function.approval,
        effect=function.effect,
        untrusted=function.untrusted,
        check=checker(schema),
        run=run,
        foreign=True,
    )


def of_servers(servers: "Iterable[Toolserver]", *, most: int) -> Iterator[Tool]:
    """The tools of MCP servers. One that cannot be asked has none for now, and a tool nobody can check is left out."""
    for server in servers:
        try:
            offers = server.tools(most=most)
        except QuadrilleError as error:
            logger.warning("mcp_server_without_tools", server=server.name, reason=str(error))
            continue
        for offer in offers:
            try:
                yield _of_server(server, offer)
            except Invalid as error:
                logger.warning("mcp_tool_left_out", server=server.name, tool=offer.name[:_NAME], reason=str(error))


def _of_server(server: "Toolserver", offer: "Offer") -> Tool:
    """A tool under its server's name. What is not said to be only reading changes something, so a human approves it."""
    reads = bool(offer.annotations and offer.annotations.read_only_hint)

    def run(arguments: Any, use: Use, bench: Workbench) -> Observation:
        return Observation(server.call(offer.name, arguments, key=use.key))

    schema = closed(offer.input_schema)
    return Tool(
        name=_UNNAMEABLE.sub("_", f"{server.name}__{offer.name}")[:_NAME],
        description=(offer.description or offer.name)[:_DESCRIPTION],
        schema=schema,
        approval=not reads,
        effect=not reads,
        untrusted=True,
        check=checker(schema, patterns=False),
        run=run,
        foreign=True,
    )
