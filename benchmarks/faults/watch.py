"""Hooks under the clients' feet: every attempt of a request to AWS or to the provider becomes two interactions.
The handlers and their libraries know nothing of it."""

from typing import Any

import boto3
import httpx2

from benchmarks.faults.interactions import PROVIDER, Interactions


def watch(interactions: Interactions) -> None:
    """Watch every boto3 client made from now on, and every openai client."""
    _watch_aws(interactions)
    _watch_provider(interactions)


def _watch_aws(interactions: Interactions) -> None:
    boto3.setup_default_session()

    def note(event_name: str, **_: Any) -> None:
        event, _service, operation = event_name.split(".")
        interactions.add(f"{'>' if event == 'before-send' else '<'} {operation}")

    events: Any = boto3.DEFAULT_SESSION.events if boto3.DEFAULT_SESSION else None
    events.register("before-send", note)
    events.register("response-received", note)


def _watch_provider(interactions: Interactions) -> None:
    send = httpx2.HTTPTransport.handle_request

    def watched(transport: httpx2.HTTPTransport, request: httpx2.Request) -> httpx2.Response:
        interactions.add(f"> {PROVIDER}")
        try:
            response = send(transport, request)
        except httpx2.TransportError:
            interactions.add(f"< {PROVIDER} lost")
            raise
        interactions.add(f"< {PROVIDER} {response.status_code}")
        return response

    httpx2.HTTPTransport.handle_request = watched  # type: ignore[method-assign]
