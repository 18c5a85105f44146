"""A small MCP server: `python mcp_server.py <port>`. It takes no one without its token."""

import sys
from typing import Any

import anyio
import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.types import ToolAnnotations

server = MCPServer("small")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def add(a: int, b: int = 1) -> str:
    """Add two numbers."""
    return f"{a + b}"


@server.tool()
def pay(amount: float, context: Context) -> str:
    """Pay an amount."""
    return f"paid {amount} for {(context.request_context.meta or {}).get('quadrille/key')}"


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def broken() -> str:
    """Fail, and say what a model should do."""
    raise ValueError


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def huge() -> str:
    """Say very much."""
    return "x" * 3_000_000


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
async def slow() -> str:
    """Say something much later."""
    await anyio.sleep(60)
    return "late"


@server.tool(name="odd name.of a-tool", annotations=ToolAnnotations(read_only_hint=True))
def odd() -> list[str]:
    """Give two texts."""
    return ["one", "two"]


def guarded(app: Any) -> Any:
    """The same for those with the token."""

    async def guard(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and (b"authorization", b"Bearer secret") not in scope["headers"]:
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        else:
            await app(scope, receive, send)

    return guard


if __name__ == "__main__":
    uvicorn.run(guarded(server.streamable_http_app()), port=int(sys.argv[1]), log_level="warning")
