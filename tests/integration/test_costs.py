"""GET /costs, GET /budgets and PUT /budgets, after real work of the pipeline and of ask."""

import csv
from collections.abc import Iterator
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest

from quadrille.documents import Place
from tests.integration.house import House, http_event, invoke
from tests.integration.test_pipeline import SAMPLES, asked, shown


@pytest.fixture
def worked(house: House, tenant: str) -> Iterator[Place]:
    """A document ingested, and a question asked twice."""
    place = Place(tenant, "default", "warranty-and-returns.pdf")
    house.drop(place.key, (SAMPLES / place.filename).read_bytes())
    house.work()
    asked(house, tenant)
    asked(house, tenant)
    return place


def costs(house: House, tenant: str, **query: str) -> list[dict[str, Any]]:
    status, body = house.call("system/costs", "GET", "/costs", tenant=tenant, query=query)
    assert status == 200, body
    return body["items"]


def total(lines: list[dict[str, Any]], name: str) -> Decimal:
    return sum((Decimal(line[name]) for line in lines), Decimal(0))


@pytest.mark.parametrize("by", ["day", "room", "model"])
def test_every_grouping_sums_up_to_the_same_money(house: House, worked: Place, by: str) -> None:
    today = costs(house, worked.tenant)
    lines = costs(house, worked.tenant, by=by)
    for name in ("spent_usd", "saved_by_cache_usd", "calls", "input_tokens", "embedding_tokens"):
        assert total(lines, name) == total(today, name)
    assert total(lines, "reserved_usd") == 0


def test_costs_by_room_are_what_the_receipts_say(house: House, worked: Place) -> None:
    rooms = {line["group"]: line for line in costs(house, worked.tenant, by="room")}
    assert rooms["ingest"]["spent_usd"] == shown(house, worked)["receipt"]["cost_usd"]
    assert rooms["ask"]["calls"] == 2
    assert rooms["ask"]["saved_by_cache_usd"] == rooms["ask"]["spent_usd"]


def test_costs_say_of_when_their_prices_are(house: House, tenant: str) -> None:
    _, body = house.call("system/costs", "GET", "/costs", tenant=tenant)
    assert body["prices"]["source"].startswith("genai-prices")
    assert body["prices"]["date"] > "2026"


def test_costs_by_document_name_each_document_once(house: House, worked: Place) -> None:
    [line] = costs(house, worked.tenant, by="document")
    assert line["group"] == worked.document_id
    assert line["spent_usd"] == shown(house, worked)["receipt"]["cost_usd"]


def test_documents_page(house: House, tenant: str) -> None:
    for number in range(3):
        house.drop(f"uploads/{tenant}/default/{number}.md", f"The number of the club is {number}.".encode())
    house.work()
    status, first = house.call("system/costs", "GET", "/costs", tenant=tenant, query={"by": "document", "limit": "2"})
    rest = costs(house, tenant, by="document", cursor=first["cursor"])
    assert status == 200
    assert len({line["group"] for line in [*first["items"], *rest]}) == 3


def test_a_day_without_costs_has_none(house: House, worked: Place) -> None:
    assert costs(house, worked.tenant, **{"from": "2026-01-01", "to": "2026-01-31"}) == []


def test_another_tenant_sees_nothing(house: House, worked: Place) -> None:
    assert costs(house, "stranger") == []


def test_costs_come_as_csv_if_asked_for(house: House, worked: Place) -> None:
    event = http_event("GET", "/costs", tenant=worked.tenant, query={"by": "model"})
    event["headers"]["Accept"] = "text/csv"
    answer = invoke("system/costs", event)
    lines = list(csv.DictReader(StringIO(answer["body"])))
    assert answer["multiValueHeaders"]["Content-Type"] == ["text/csv; charset=utf-8"]
    assert [dict(line) for line in lines] == [
        {name: str(value) for name, value in line.items()} for line in costs(house, worked.tenant, by="model")
    ]


@pytest.mark.parametrize(
    "query",
    [
        {"by": "document", "cursor": "~~"},
        {"to": "0001-01-05"},
        {"by": "moon"},
        {"from": "yesterday"},
        {"from": "2026-02-01", "to": "2026-01-01"},
        {"from": "2020-01-01"},
    ],
    ids=str,
)
def test_a_report_nobody_can_make_is_refused(house: House, tenant: str, query: dict[str, str]) -> None:
    assert house.call("system/costs", "GET", "/costs", tenant=tenant, query=query)[0] == 422


def set_limit(house: House, tenant: str, scope: str, limit: Any, scopes: str = "admin") -> tuple[int, dict[str, Any]]:
    return house.call("system/budgets", "PUT", f"/budgets/{scope}", {"limit_usd": limit}, tenant=tenant, scopes=scopes)


def test_budgets_say_what_is_spent_of_the_day(house: House, worked: Place) -> None:
    _, body = house.call("system/budgets", "GET", "/budgets", tenant=worked.tenant)
    lines = {line["scope"]: line for line in body["items"]}
    assert lines["day"]["spent_usd"] == costs(house, worked.tenant)[0]["spent_usd"]
    assert (lines["day"]["limit_usd"], lines["day"]["reserved_usd"]) == ("5", "0")
    assert (lines["document"]["limit_usd"], lines["document"]["set_by"]) == ("1", "default")


def test_an_admin_sets_a_limit_and_it_holds(house: House, worked: Place) -> None:
    status, body = set_limit(house, worked.tenant, "day", "0.000000001")
    assert (status, body["items"][0]["limit_usd"], body["items"][0]["set_by"]) == (200, "0.000000001", "admin")
    status, problem = house.call("ask/answer", "POST", "/ask", {"question": "What else?"}, tenant=worked.tenant)
    assert (status, problem["scope"]) == (402, "day")
    assert set_limit(house, worked.tenant, "day", None)[1]["items"][0]["limit_usd"] == "5"


@pytest.mark.parametrize("zero", ["0", "0e-400", "0.000"])
def test_zero_is_zero_however_it_is_written(house: House, tenant: str, zero: str) -> None:
    status, body = set_limit(house, tenant, "day", zero)
    assert (status, body["items"][0]["limit_usd"]) == (200, "0")


def test_nobody_else_sets_a_limit(house: House, tenant: str) -> None:
    assert set_limit(house, tenant, "day", "9", scopes="ask ingest")[0] == 403


@pytest.mark.parametrize("limit", ["-1", "0.0000000001", "NaN", "1e99", "much", 1_000_001])
def test_a_limit_that_makes_no_sense_is_refused(house: House, tenant: str, limit: Any) -> None:
    assert set_limit(house, tenant, "day", limit)[0] == 422


@pytest.mark.parametrize("scope", ["moon", "document:x", "request"])
def test_a_scope_that_does_not_exist_is_refused(house: House, tenant: str, scope: str) -> None:
    assert set_limit(house, tenant, scope, "1")[0] == 422


def test_a_refusal_in_the_middle_says_what_was_paid_before_it(house: House, worked: Place) -> None:
    body = {"question": "Which colour is the lamp?", "max_cost_usd": "0.00001"}
    status, problem = house.call("ask/answer", "POST", "/ask", body, tenant=worked.tenant)
    assert (status, problem["receipt"]["calls"]) == (402, 1)
    assert Decimal(problem["receipt"]["cost_usd"]) > 0
