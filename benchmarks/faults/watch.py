"""Hooks under the clients' feet: every attempt of a request to AWS or to the provider becomes two interactions.
The handlers and their libraries know nothing of it. In a rehearsal requests are answered here and go nowhere."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import httpx2
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders

from benchmarks.faults.embeddings import answer
from benchmarks.faults.interactions import PROVIDER, Interactions


class _Nothing:
    """A body without content."""

    def stream(self) -> tuple[bytes, ...]:
        return (b"",)


class Watch:
    """Watches every boto3 client made from now on, and every openai client."""

    def __init__(self, interactions: Interactions) -> None:
        self._interactions, self._rehearsing = interactions, False
        self._send = httpx2.HTTPTransport.handle_request
        boto3.setup_default_session()
        events: Any = boto3.DEFAULT_SESSION.events if boto3.DEFAULT_SESSION else None
        events.register("before-send", self._before_aws)
        events.register("response-received", self._after_aws)

        def handle_request(transport: httpx2.HTTPTransport, request: httpx2.Request) -> httpx2.Response:
            return self._provider(transport, request)

        httpx2.HTTPTransport.handle_request = handle_request  # type: ignore[method-assign,assignment]

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """Whatever is built at the first request is built now, without a connection."""
        self._rehearsing = True
        yield
        self._rehearsing = False

    def _before_aws(self, event_name: str, request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        if not self._rehearsing:
            self._interactions.add(f"> {_operation(event_name)}")
            return None
        return AWSResponse(request.url, 200, HTTPHeaders(), _Nothing())

    def _after_aws(self, event_name: str, **_: Any) -> None:
        if not self._rehearsing:
            self._interactions.add(f"< {_operation(event_name)}")

    def _provider(self, transport: httpx2.HTTPTransport, request: httpx2.Request) -> httpx2.Response:
        if self._rehearsing:
            return httpx2.Response(200, json=answer(json.loads(request.read()), number=0, tokens=1))
        self._interactions.add(f"> {PROVIDER}")
        try:
            response = self._send(transport, request)
        except httpx2.TransportError:
            self._interactions.add(f"< {PROVIDER} lost")
            raise
        self._interactions.add(f"< {PROVIDER} {response.status_code}")
        return response


def _operation(event_name: str) -> str:
    return event_name.rpartition(".")[2]
