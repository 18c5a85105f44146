"""What the functions logged on the local stack, a line each: `make logs`."""

import json
from collections.abc import Iterator
from typing import Any

import boto3

_NOISE = {
    "level", "location", "message", "timestamp", "service", "cold_start", "function_name", "function_memory_size",
    "function_arn", "function_request_id", "exception_name", "stack_trace", "exception",
}  # fmt: skip


def lines(session: boto3.Session, endpoint: str) -> Iterator[str]:
    """Every event of every function, in order of time."""
    client = session.client("logs", endpoint_url=endpoint)
    events = []
    for group in client.describe_log_groups()["logGroups"]:
        pages = client.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        events += [event for page in pages for event in page["events"]]
    for event in sorted(events, key=lambda event: event["timestamp"]):
        text = event["message"].rstrip()
        if not text.startswith(("START ", "END ", "REPORT ")):
            yield _line(text)


def _line(text: str) -> str:
    """A structured event as one line and its traceback; anything else as it is."""
    try:
        event: dict[str, Any] = json.loads(text)
    except ValueError:
        return text
    if not isinstance(event, dict) or "message" not in event:
        return text
    name = event.get("function_name", "?").removeprefix("quadrille-").rsplit("-", 1)[0]
    keys = " ".join(f"{key}={value}" for key, value in event.items() if key not in _NOISE)
    trace = f"\n{event['exception']}" if "exception" in event else ""
    return f"{event['timestamp'][11:23]} {event['level']:7} {name:24} {event['message']} {keys}{trace}"
