"""What questions are narrowed by: pages, dates, and values given at upload or kept beside a file."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from local.stack.places import ROOT
from quadrille.documents import Place
from tests.integration.house import House

METADATA = {"department": "legal", "year": 2024, "signed": True, "tags": ["lease", "north"]}


@pytest.fixture
def contract(house: House, tenant: str) -> Place:
    """A document with a date and values, beside one that has neither."""
    said = {"date": "2024-05-17", "metadata": json.dumps(METADATA)}
    place = Place(tenant, "default", "contract.md")
    house.drop(place.key, b"The rent is due on the first of each month.", about=said)
    house.drop(Place(tenant, "default", "letter.md").key, b"The rent was late in each month.")
    house.work()
    return place


def found(house: House, tenant: str, filter: dict[str, Any]) -> list[str]:
    """The files a search for the rent finds under a filter."""
    body = {"query": "rent each month", "filter": filter}
    status, answer = house.call("ask/search", "POST", "/search", body, tenant=tenant)
    assert status == 200, answer
    return sorted(hit["filename"] for hit in answer["hits"])


@pytest.mark.parametrize(
    "metadata",
    [
        {"department": "legal"},
        {"department": ["sales", "legal"]},
        {"year": 2024},
        {"year": {"from": 2020, "to": 2024}},
        {"year": {"from": 2024}},
        {"signed": True},
        {"tags": "north"},
        {"department": "legal", "tags": ["south", "lease"]},
    ],
)
def test_values_given_with_a_file_narrow_a_search_to_it(house: House, contract: Place, metadata: Any) -> None:
    assert found(house, contract.tenant, {"metadata": metadata}) == ["contract.md"]


@pytest.mark.parametrize(
    "metadata",
    [{"department": "sales"}, {"year": {"to": 2023}}, {"signed": False}, {"tags": "lea"}, {"colour": "red"}],
)
def test_other_values_find_nothing(house: House, contract: Place, metadata: Any) -> None:
    assert found(house, contract.tenant, {"metadata": metadata}) == []


def test_dates_are_those_given_and_else_of_the_upload(house: House, contract: Place) -> None:
    today = datetime.now(UTC).date().isoformat()
    assert found(house, contract.tenant, {"date": {"to": "2024-05-17"}}) == ["contract.md"]
    assert found(house, contract.tenant, {"date": {"from": "2024-05-18", "to": today}}) == ["letter.md"]
    assert found(house, contract.tenant, {"date": {"from": "2024-05-17"}}) == ["contract.md", "letter.md"]


def test_only_chunks_on_the_pages_asked_for_are_found(house: House, tenant: str) -> None:
    house.drop(Place(tenant, "default", "manual.pdf").key, (ROOT / "local/samples/aurora-x2-manual.pdf").read_bytes())
    house.drop(Place(tenant, "default", "letter.md").key, b"The battery was late in each month.")
    house.work()
    touched = {page: found(house, tenant, {"page": page}) for page in (1, 2, 900)}
    assert (set(touched[1]), set(touched[2]), touched[900]) == ({"manual.pdf"}, {"manual.pdf"}, [])
    both = found(house, tenant, {"page": [1, 2]})
    assert max(len(touched[1]), len(touched[2])) <= len(both) < len(found(house, tenant, {"filename": "manual.pdf"}))


def test_an_answer_is_made_of_what_the_filter_leaves(house: House, contract: Place) -> None:
    body = {"question": "When is the rent due?", "filter": {"metadata": {"department": "sales"}}}
    status, answer = house.call("ask/answer", "POST", "/ask", body, tenant=contract.tenant)
    assert (status, answer["supported"]) == (200, False)
    body["filter"] = {"metadata": {"department": "legal"}, "date": {"to": "2024-12-31"}}
    status, answer = house.call("ask/answer", "POST", "/ask", body, tenant=contract.tenant)
    assert {citation["filename"] for citation in answer["citations"]} == {"contract.md"}


def test_what_was_said_of_a_document_is_shown(house: House, contract: Place) -> None:
    path = f"/documents/{contract.document_id}"
    _, document = house.call("ingest/documents", "GET", path, tenant=contract.tenant)
    assert (document["date"], document["metadata"]) == ("2024-05-17", METADATA)


def test_the_same_file_with_other_values_is_a_new_version_and_pays_nothing(house: House, contract: Place) -> None:
    said = {"metadata": json.dumps({"department": "sales"})}
    house.drop(contract.key, b"The rent is due on the first of each month.", about=said)
    house.work()
    _, document = house.call("ingest/documents", "GET", f"/documents/{contract.document_id}", tenant=contract.tenant)
    assert (document["version"], document["status"], document["receipt"]["cost_usd"]) == (2, "ready", "0")
    assert found(house, contract.tenant, {"metadata": {"department": "sales"}}) == ["contract.md"]
    assert found(house, contract.tenant, {"metadata": {"department": "legal"}}) == []


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"metadata": "no JSON"}, "metadata: is not JSON"),
        ({"metadata": json.dumps({"a b": 1})}, "metadata"),
        ({"metadata": json.dumps({"a": {"b": 1}})}, "metadata"),
        ({"metadata": json.dumps({"a": float("inf")})}, "metadata"),
        ({"date": "17.5.2024"}, "date"),
    ],
)
def test_what_cannot_be_kept_fails_the_document_and_says_why(
    house: House, tenant: str, said: dict[str, str], reason: str
) -> None:
    place = Place(tenant, "default", "contract.md")
    house.drop(place.key, b"The rent.", about=said)
    house.work()
    _, document = house.call("ingest/documents", "GET", f"/documents/{place.document_id}", tenant=tenant)
    assert document["status"] == "failed"
    assert reason in document["error"]


@pytest.mark.parametrize(
    ("filter", "field"),
    [
        ({"tenant": "acme"}, "body.filter.tenant"),
        ({"version": 1}, "body.filter.version"),
        ({"page": 0}, "body.filter.page"),
        ({"date": "2024-05-17"}, "body.filter.date"),
        ({"date": {}}, "body.filter.date"),
        ({"date": {"from": "May"}}, "body.filter.date.from"),
        ({"date": {"from": 20240517}}, "body.filter.date.from"),
        ({"metadata": {"$or": "x"}}, "body.filter.metadata.$or"),
        ({"metadata": {"year": {"$gt": 1}}}, "body.filter.metadata.year"),
        ({"metadata": {"year": 10**300}}, "body.filter.metadata.year"),
        ({"metadata": {f"n{i}": 1 for i in range(11)}}, "body.filter.metadata"),
    ],
)
@pytest.mark.parametrize(
    ("function", "path", "asks"), [("ask/search", "/search", "query"), ("ask/answer", "/ask", "question")]
)
def test_a_filter_that_cannot_be_is_refused_by_name(
    house: House, function: str, path: str, asks: str, filter: dict[str, Any], field: str
) -> None:
    status, problem = house.call(function, "POST", path, {asks: "rent?", "filter": filter})
    assert status == 422
    assert any(error["field"].startswith(field) for error in problem["errors"]), problem["errors"]


def test_an_upload_is_announced_with_what_is_said_of_it(house: House, tenant: str) -> None:
    body = {"filename": "a.md", "size": 3, "date": "2024-05-17", "metadata": METADATA | {"who": "Zo\u00eb"}}
    status, answer = house.call("ingest/uploads", "POST", "/documents", body, tenant=tenant)
    assert status == 201
    fields = answer["upload"]["fields"]
    assert fields["x-amz-meta-date"] == "2024-05-17"
    assert fields["x-amz-meta-metadata"].isascii()
    assert json.loads(fields["x-amz-meta-metadata"]) == METADATA | {"who": "Zo\u00eb"}


@pytest.mark.parametrize(
    "said",
    [
        {"date": "2024-02-30"},
        {"metadata": {"x": None}},
        {"metadata": {"": 1}},
        {"metadata": {"x": "y" * 301}},
        {"metadata": {f"n{i}": "y" * 200 for i in range(10)}},
        {"metadata": {f"n{i}": 1 for i in range(21)}},
    ],
)
def test_what_cannot_be_kept_is_refused_before_the_upload(house: House, said: dict[str, Any]) -> None:
    status, problem = house.call("ingest/uploads", "POST", "/documents", {"filename": "a.md", "size": 3, **said})
    assert status == 422
    assert problem["errors"][0]["field"].startswith(f"body.{next(iter(said))}")
