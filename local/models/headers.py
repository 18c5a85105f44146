"""The headers the hosted API puts on every response: request id, processing time, rate limits.
The limits are those of no account; nothing is counted down, so `remaining` is always almost full."""

import time
import uuid

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

RATE_LIMITS = (
    ("x-ratelimit-limit-requests", "10000"),
    ("x-ratelimit-limit-tokens", "2000000"),
    ("x-ratelimit-remaining-requests", "9999"),
    ("x-ratelimit-remaining-tokens", "1999999"),
    ("x-ratelimit-reset-requests", "6ms"),
    ("x-ratelimit-reset-tokens", "0s"),
)


def service_headers(seconds: float) -> list[tuple[str, str]]:
    return [
        ("x-request-id", f"req_{uuid.uuid4().hex}"),
        ("openai-processing-ms", str(round(seconds * 1000))),
        ("openai-version", "2020-10-01"),
        ("openai-organization", "quadrille-offline"),
        *RATE_LIMITS,
    ]


class ServiceHeaders:
    """ASGI middleware; plain, because Starlette's own base class would buffer streams through a task of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(dict(service_headers(time.perf_counter() - started)))
            await send(message)

        await self.app(scope, receive, send_with_headers)
