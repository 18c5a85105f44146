"""MCP servers, spoken to through the official client over streamable HTTP: what tools they have, and using one."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from quadrille.errors import ProviderRefused, QuadrilleError, RetryLater

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Response
    from mcp import Client
    from mcp.types import CallToolResult
    from mcp.types import Tool as Offer

T = TypeVar("T")
_PAGES = 20  # of a list of tools
_OURS = (-32600, -32601, -32602)  # codes of JSON-RPC for a request that is no better the next time


@dataclass(frozen=True, slots=True)
class Toolserver:
    """One MCP server. `token` is sent as its bearer's. Whatever is asked takes `seconds` and `size` bytes at most."""

    name: str
    url: str
    token: Callable[[], str]
    seconds: float
    size: int

    def tools(self, *, most: int) -> "list[Offer]":
        """The first tools it has. Raises `RetryLater` and `ProviderRefused`."""

        async def listed(client: "Client") -> "list[Offer]":
            page = await client.list_tools()
            found = list(page.tools)
            for _ in range(_PAGES):
                if len(found) >= most or not page.next_cursor:
                    break
                page = await client.list_tools(cursor=page.next_cursor)
                found += page.tools
            return found[:most]

        return self._asked(listed)

    def call(self, tool: str, arguments: Mapping[str, Any], *, key: str) -> str:
        """What a tool gives; its failure is told, too. `key` is the same for every attempt. Raises like `tools`."""

        async def called(client: "Client") -> "CallToolResult":
            return await client.call_tool(tool, dict(arguments), meta={"quadrille/key": key})  # type: ignore[arg-type]

        result = self._asked(called)
        text = _text(result)
        return f"The tool failed: {text}" if result.is_error else text

    def _asked(self, work: "Callable[[Client], Awaitable[T]]") -> T:
        import anyio
        from mcp import MCPError

        try:
            return anyio.run(self._connected, work)
        except QuadrilleError:
            raise
        except Exception as error:
            if any(isinstance(cause, MCPError) and cause.code in _OURS for cause in _causes(error)):
                raise ProviderRefused(f"The MCP server {self.name!r} refused the request.") from error
            raise RetryLater(f"No reply came from the MCP server {self.name!r}; it may have done its work.") from error

    async def _connected(self, work: "Callable[[Client], Awaitable[T]]") -> T:
        import anyio
        from mcp import Client
        from mcp.client.streamable_http import streamable_http_client

        with anyio.fail_after(self.seconds):
            async with (
                self._http() as http,
                Client(streamable_http_client(self.url, http_client=http), cache=None) as client,
            ):
                return await work(client)

    def _http(self) -> "AsyncClient":
        from httpx2 import AsyncClient

        token = self.token()
        headers = {"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {token}"} if token else {})
        return AsyncClient(headers=headers, timeout=self.seconds, event_hooks={"response": [self._bounded]})

    async def _bounded(self, response: "Response") -> None:
        """Have a reply end with an error where it is too long, or packed: a small one can be long once it is read."""
        from httpx2 import AsyncByteStream, ReadError

        if response.headers.get("content-encoding", "identity") != "identity":
            raise ReadError("The reply is packed.")
        whole, left = response.stream, self.size

        class Bounded(AsyncByteStream):
            async def __aiter__(self) -> AsyncIterator[bytes]:
                nonlocal left
                async for piece in whole:  # type: ignore[union-attr]
                    left -= len(piece)
                    if left < 0:
                        raise ReadError("The reply is too long.")
                    yield piece

            async def aclose(self) -> None:
                await whole.aclose()  # type: ignore[union-attr]

        response.stream = Bounded()


def _text(result: "CallToolResult") -> str:
    """What of a result is text; of the rest its kind is told."""
    blocks = [getattr(block, "text", None) or f"[{block.type}: not shown]" for block in result.content]
    if blocks or result.structured_content is None:
        return "\n".join(blocks)
    return json.dumps(result.structured_content, ensure_ascii=False)


def _causes(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [cause for inner in error.exceptions for cause in _causes(inner)]
    return [error]
