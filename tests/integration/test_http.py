"""Bad requests, and how every error looks."""

import json
from typing import Any

import boto3
import pytest

from tests.integration.house import House, http_event, invoke, reset_caches

PROBLEM = {"type", "title", "status", "detail", "request_id"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body.question"),
        ({"question": ""}, "body.question"),
        ({"question": "   "}, "body.question"),
        ({"question": 7}, "body.question"),
        ({"question": "x" * 4_001}, "body.question"),
        ({"question": "x", "top_k": 0}, "body.top_k"),
        ({"question": "x", "top_k": 10_000}, "body.top_k"),
        ({"question": "x", "max_cost_usd": "0"}, "body.max_cost_usd"),
        ({"question": "x", "max_cost_usd": "-1"}, "body.max_cost_usd"),
        ({"question": "x", "max_cost_usd": "0.00000000001"}, "body.max_cost_usd"),
        ({"question": "x", "filter": {"tenant": "other"}}, "body.filter.tenant"),
        ({"question": "x", "filter": {"document_id": []}}, "body.filter.document_id"),
        ({"question": "x", "collection": "../x"}, "body.collection"),
        ({"question": "x", "tenant": "other"}, "body.tenant"),
        ("{not json", "body"),
        ("[" * 20_000, "body"),
        ('{"question": ' + "9" * 5_000 + "}", "body"),
        ({"question": "x", "filter": {"filename": "\ud800"}}, "body.filter.filename"),
        ("[]", "body"),
        ("null", "body"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_malformed_question_is_422_with_the_field_named(house: House, body: Any, field: str) -> None:
    status, problem = house.call("ask/answer", "POST", "/ask", body)
    assert status == 422
    assert set(problem) == PROBLEM | {"errors"}
    assert any(error["field"].startswith(field) for error in problem["errors"]), problem


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"filename": ""}, "filename"),
        ({"filename": "../x.pdf"}, "filename"),
        ({"filename": "a\x00b"}, "filename"),
        ({"size": 0}, "size"),
        ({"sha256": "abc"}, "sha256"),
        ({"collection": "a/b"}, "collection"),
        ({"content_type": "no type\r\nX: y"}, "content_type"),
        ({"extra": 1}, "extra"),
    ],
    ids=str,
)
def test_a_malformed_upload_is_422_with_the_field_named(house: House, change: dict[str, Any], field: str) -> None:
    body = {"filename": "a.pdf", "size": 10} | change
    status, problem = house.call("ingest/uploads", "POST", "/documents", body)
    assert status == 422
    assert any(field in error["field"] for error in problem["errors"])


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "x"}, {"status": "nearly"}, {"collection": "a b"}], ids=str
)
def test_a_malformed_list_is_422(house: House, query: dict[str, str]) -> None:
    status, problem = house.call("ingest/documents", "GET", "/documents", query=query)
    assert status == 422
    assert problem["errors"][0]["field"] == f"query.{next(iter(query))}"


def test_a_key_without_the_scope_is_403_before_anything_is_parsed(house: House) -> None:
    status, problem = house.call("ask/answer", "POST", "/ask", "{not json", scopes="ingest")
    assert (status, set(problem)) == (403, PROBLEM)
    assert "'ask'" in problem["detail"]


def test_a_request_without_an_authorizer_is_403(house: House) -> None:
    event = http_event("POST", "/ask", {"question": "x"})
    del event["requestContext"]["authorizer"]
    assert invoke("ask/answer", event)["statusCode"] == 403


def test_a_body_over_the_limit_is_413(house: House) -> None:
    status, problem = house.call("ask/answer", "POST", "/ask", {"question": "x" * 70_000})
    assert (status, set(problem)) == (413, PROBLEM)
    assert "65536" in problem["detail"]


def test_a_file_over_the_limit_is_413(house: House) -> None:
    body = {"filename": "a.pdf", "size": 10**10}
    status, problem = house.call("ingest/uploads", "POST", "/documents", body)
    assert status == 413
    assert "52428800" in problem["detail"]


def test_an_unknown_document_is_404(house: House) -> None:
    status, problem = house.call("ingest/documents", "GET", "/documents/doc_unknown")
    assert (status, set(problem)) == (404, PROBLEM)


def test_errors_are_problem_documents(house: House) -> None:
    answer = invoke("ask/answer", http_event("POST", "/ask", {}))
    headers = {
        name.lower(): value for name, value in {**answer.get("headers", {}), **answer["multiValueHeaders"]}.items()
    }
    assert "application/problem+json" in str(headers["content-type"])
    problem = json.loads(answer["body"])
    assert problem["status"] == answer["statusCode"]
    assert problem["type"].startswith("urn:quadrille:problem:")


def test_a_budget_that_is_used_up_is_402_with_what_was_spent(
    house: House, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAILY_BUDGET_USD", "0.0000001")
    reset_caches()
    status, problem = house.call("ask/search", "POST", "/search", {"query": "hello there"}, tenant=tenant)
    assert status == 402
    assert set(problem) == PROBLEM | {"scope", "limit_usd", "spent_usd", "reserved_usd", "renews_at"}


def test_a_provider_that_refuses_our_key_is_502(house: House, tenant: str) -> None:
    boto3.client("secretsmanager").put_secret_value(SecretId="openai", SecretString="invalid")
    status, problem = house.call("ask/search", "POST", "/search", {"query": "hello there"}, tenant=tenant)
    assert status == 502
    assert "refused" in problem["detail"]


def test_a_secret_nobody_set_is_502_and_says_what_to_do(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINECONE_SECRET", "unset")
    reset_caches()
    status, problem = house.call("ask/search", "POST", "/search", {"query": "hello"})
    assert status == 502
    assert "make secrets" in problem["detail"]


def test_a_provider_that_is_down_is_503_with_retry_after(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    reset_caches()
    answer = invoke("ask/search", http_event("POST", "/search", {"query": "hello"}))
    assert answer["statusCode"] == 503
    assert "Retry-After" in {**(answer.get("headers") or {}), **(answer.get("multiValueHeaders") or {})}


def test_an_upload_is_a_form_that_takes_this_file_only(house: House, tenant: str) -> None:
    body = {"filename": "notes.md", "size": 12, "content_type": "text/markdown", "sha256": "0" * 64}
    status, made = house.call("ingest/uploads", "POST", "/documents", body, tenant=tenant)
    assert status == 201
    fields = made["upload"]["fields"]
    assert fields["key"] == f"uploads/{tenant}/default/notes.md"
    assert fields["Content-Type"] == "text/markdown"
    status, document = house.call("ingest/documents", "GET", f"/documents/{made['document_id']}", tenant=tenant)
    assert (status, document["status"], document["size"]) == (200, "waiting", 12)


@pytest.mark.parametrize("name", ["x" * 2_000, "%F0%9F%98%80", 'a"b', "doc_" + "A" * 24])
def test_an_id_that_is_none_is_a_404_problem(house: House, name: str) -> None:
    status, problem = house.call("ingest/documents", "GET", f"/documents/{name}")
    assert (status, set(problem)) == (404, PROBLEM)


def test_a_bug_of_ours_is_a_problem_document_without_its_words(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCUMENTS_TABLE", "no-such-table")
    reset_caches()
    status, problem = house.call("ingest/documents", "GET", "/documents")
    assert (status, set(problem)) == (500, PROBLEM)
    assert "no-such-table" not in str(problem)
