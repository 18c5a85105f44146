"""The running stack keeps to its own OpenAPI document, whatever it is sent."""

import json
import re
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from local.stack.places import ROOT
from quadrille.system.description import document
from tests.local.conftest import Caller

NAUGHTY = ROOT.parent / "shared/corpora/adversarial"
ANSWERS = {200, 201, 400, 404, 413, 422}
GATEWAY_SECONDS = 29  # that API Gateway waits
ASKED = {"role": "user", "content": "How long is the warranty?"}
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
schema = schemathesis.openapi.from_dict(json.loads(document()))


@schema.parametrize()
@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_an_operation_keeps_to_what_is_documented(case: Any, anybody: Caller) -> None:
    headers = {"Authorization": f"Bearer {anybody.key}"}
    case.call_and_validate(base_url=anybody.stack["api_url"], headers=headers, checks=CHECKS, timeout=GATEWAY_SECONDS)


@pytest.fixture
def anybody(new_caller: Callable[..., Caller]) -> Caller:
    return new_caller(("ask", "ingest", "act", "react", "admin"))


def test_the_document_and_its_page_are_open_and_need_nothing_else(stack: dict[str, Any]) -> None:
    with urllib.request.urlopen(f"{stack['api_url']}/openapi.json", timeout=30) as answer:
        assert answer.read().decode() == document()
    with urllib.request.urlopen(f"{stack['api_url']}/docs", timeout=30) as answer:
        assert answer.headers["content-type"].startswith("text/html")
        page = answer.read().decode()
    assert "SwaggerUIBundle" in page
    assert not re.findall(r"<(?:script|link)[^>]+(?:src|href)=", page)


def naughty() -> Iterator[str]:
    """Every string of the big list, and some of each list of payloads."""
    yield from json.loads((NAUGHTY / "blns.json").read_text())
    for file in sorted((NAUGHTY / "payloads").glob("*.txt")):
        yield from file.read_text(errors="replace").splitlines()[:2]


def places(text: str) -> list[tuple[str, str, Any]]:
    """Requests with this text in every place that takes one."""
    message = {"role": "user", "content": text}
    path = quote(text or "x", safe="", errors="surrogatepass")
    return [
        ("POST", "/ask", {"question": text}),
        ("POST", "/search", {"query": text}),
        ("POST", "/search", {"query": "x", "filter": {"filename": text}}),
        ("POST", "/chat/completions", {"model": "quadrille", "messages": [message]}),
        ("POST", "/chat/completions", {"model": "quadrille", "messages": [{**message, "role": "system"}, ASKED]}),
        ("POST", "/chat/completions", {"model": text, "messages": [ASKED]}),
        ("POST", "/documents", {"filename": text, "size": 1}),
        ("POST", "/documents/estimate", {"document_id": text}),
        ("GET", f"/documents/{path}", None),
        ("GET", f"/documents?cursor={path}", None),
        ("GET", f"/collections/{path}", None),
    ]


@pytest.mark.skipif(not NAUGHTY.exists(), reason="no corpus of naughty strings here")
def test_a_naughty_string_is_never_a_mistake_of_ours(anybody: Caller) -> None:
    """Each string at one place in turn."""
    sent = [places(text)[at % 11] for at, text in enumerate([*naughty(), "\ud800", "\x00"])]
    statuses = {request[1] + repr(request[2]): anybody.send(*request)[0] for request in sent}
    assert len(statuses) > 500
    assert {name: status for name, status in statuses.items() if status not in ANSWERS} == {}
