"""What a document will cost is said before it is paid, and what waits for a word pays nothing."""

from decimal import Decimal
from typing import Any

import pytest

from quadrille import clients
from quadrille.documents import Place
from tests.integration.house import House, reset_caches
from tests.integration.test_pipeline import shown

TEXT = "\n\n".join(
    f"Chapter {n} tells how the harbour of town {n * 31 % 97} was built, by whom, and what it cost the citizens."
    for n in range(150)
).encode()


def announced(house: House, place: Place, text: bytes = TEXT) -> None:
    """A file that was announced with `confirm`, and dropped."""
    body = {"filename": place.filename, "size": len(text), "confirm": True}
    assert house.call("ingest/uploads", "POST", "/documents", body, tenant=place.tenant)[0] == 201
    house.drop(place.key, text)
    house.work()


def confirmed(house: House, place: Place) -> int:
    status, _ = house.call("ingest/estimates", "POST", f"/documents/{place.document_id}/confirm", tenant=place.tenant)
    house.work()
    return status


def estimated(house: House, tenant: str, **request: Any) -> dict[str, Any]:
    status, answer = house.call("ingest/estimates", "POST", "/documents/estimate", request, tenant=tenant)
    assert status == 200, answer
    return answer


def test_a_document_that_is_to_be_confirmed_waits_unpaid_with_its_estimate(house: House, tenant: str) -> None:
    place = Place(tenant, "default", "book.txt")
    announced(house, place)
    document = shown(house, place)
    assert (document["status"], document["receipt"]["calls"]) == ("waiting", 0)
    assert document["estimate"] == estimated(house, tenant, document_id=place.document_id)
    assert document["estimate"]["chunks"] == document["chunks"]["total"]


@pytest.mark.parametrize("summary_over", ["10000", "1000"], ids=["embedding", "and summary"])
def test_confirmed_it_costs_about_what_was_estimated(
    house: House, tenant: str, monkeypatch: pytest.MonkeyPatch, summary_over: str
) -> None:
    monkeypatch.setenv("SUMMARY_OVER_TOKENS", summary_over)
    reset_caches()
    place = Place(tenant, "default", "book.txt")
    announced(house, place)
    assert confirmed(house, place) == 202
    document = shown(house, place)
    assert document["status"] == "ready"
    cost, predicted = Decimal(document["receipt"]["cost_usd"]), Decimal(document["estimate"]["cost_usd"])
    assert document["receipt"]["calls"] == sum(document["estimate"]["calls"].values())
    if summary_over == "10000":
        assert Decimal("0.85") < predicted / cost < Decimal("1.15")
    else:
        assert cost <= predicted
    assert confirmed(house, place) == 202
    assert shown(house, place)["receipt"] == document["receipt"]


def test_a_new_version_of_it_waits_again(house: House, tenant: str) -> None:
    place = Place(tenant, "default", "book.txt")
    announced(house, place)
    confirmed(house, place)
    house.drop(place.key, TEXT + b"\n\nThe end.")
    house.work()
    document = shown(house, place)
    assert (document["status"], document["version"]) == ("waiting", 2)
    assert document["estimate"]["chunks"] < document["chunks"]["total"]  # what is kept costs nothing
    confirmed(house, place)
    assert shown(house, place)["status"] == "ready"


def test_the_last_announcement_says_whether_a_document_waits(house: House, tenant: str) -> None:
    place = Place(tenant, "default", "book.txt")
    announced(house, place)
    body = {"filename": place.filename, "size": 3}
    house.call("ingest/uploads", "POST", "/documents", body, tenant=tenant)
    house.drop(place.key, b"Now.")
    house.work()
    assert shown(house, place)["status"] == "ready"


def test_confirming_what_does_not_wait_is_refused(house: House, tenant: str) -> None:
    place = Place(tenant, "default", "book.txt")
    assert confirmed(house, place) == 404
    house.call(
        "ingest/uploads", "POST", "/documents", {"filename": "book.txt", "size": 3, "confirm": True}, tenant=tenant
    )
    assert confirmed(house, place) == 422
    plain = Place(tenant, "default", "plain.txt")
    house.drop(plain.key, TEXT)
    house.work()
    assert confirmed(house, plain) == 422


def test_another_tenant_can_neither_confirm_nor_estimate_it(house: House, tenant: str) -> None:
    place = Place(tenant, "default", "book.txt")
    announced(house, place)
    path = f"/documents/{place.document_id}/confirm"
    assert house.call("ingest/estimates", "POST", path, tenant="stranger")[0] == 404
    body = {"document_id": place.document_id}
    assert house.call("ingest/estimates", "POST", "/documents/estimate", body, tenant="stranger")[0] == 404


def test_an_estimate_by_pages_and_by_tokens(house: House, tenant: str) -> None:
    by_pages, by_tokens = estimated(house, tenant, pages=10), estimated(house, tenant, tokens=6_000)
    assert by_pages == by_tokens
    assert by_tokens["chunks"] == 17
    assert by_tokens["calls"] == {"embedding": 1, "summary": 0, "ocr": 0}
    long = estimated(house, tenant, tokens=100_000)
    assert long["calls"] == {"embedding": 3, "summary": 13, "ocr": 0}  # ten parts, two of them, and the whole
    assert Decimal(long["cost_usd"]) > Decimal(by_tokens["cost_usd"])


@pytest.mark.parametrize(
    ("request_", "named"),
    [({}, "give one of"), ({"pages": 1, "tokens": 2}, "give one of"), ({"pages": 0}, "pages"), ({"page": 1}, "page")],
)
def test_an_estimate_of_nothing_is_refused(house: House, tenant: str, request_: dict[str, Any], named: str) -> None:
    status, answer = house.call("ingest/estimates", "POST", "/documents/estimate", request_, tenant=tenant)
    assert status == 422
    assert named in answer["detail"]


def test_an_estimate_of_a_document_nobody_has_read_says_so(house: House, tenant: str) -> None:
    house.call("ingest/uploads", "POST", "/documents", {"filename": "book.txt", "size": 3}, tenant=tenant)
    body = {"document_id": Place(tenant, "default", "book.txt").document_id}
    status, answer = house.call("ingest/estimates", "POST", "/documents/estimate", body, tenant=tenant)
    assert status == 422
    assert "not been read" in answer["detail"]


def test_a_collection_has_its_own_chunks(house: House, tenant: str) -> None:
    body = {"chunk_tokens": 100, "chunk_overlap_tokens": 10}
    assert house.call("ingest/collections", "PUT", "/collections/small", body, tenant=tenant) == (200, body)
    assert house.call("ingest/collections", "GET", "/collections/small", tenant=tenant) == (200, body)
    defaults = {"chunk_tokens": 400, "chunk_overlap_tokens": 40}
    assert house.call("ingest/collections", "GET", "/collections/small", tenant="stranger") == (200, defaults)
    counts = []
    for collection in ("small", "default"):
        place = Place(tenant, collection, "book.txt")
        house.drop(place.key, TEXT)
        house.work()
        counts.append(shown(house, place)["chunks"]["total"])
    assert counts[0] > 3 * counts[1]
    _, listed = house.call("ingest/documents", "GET", "/documents", tenant=tenant)
    assert len(listed["items"]) == 2


@pytest.mark.parametrize(
    "body",
    [
        {"chunk_tokens": 10, "chunk_overlap_tokens": 0},
        {"chunk_tokens": 9_000, "chunk_overlap_tokens": 0},
        {"chunk_tokens": 100, "chunk_overlap_tokens": 60},
        {"chunk_tokens": 100},
    ],
)
def test_sizes_that_make_no_sense_are_refused(house: House, tenant: str, body: dict[str, int]) -> None:
    assert house.call("ingest/collections", "PUT", "/collections/x", body, tenant=tenant)[0] == 422
    assert house.call("ingest/collections", "PUT", "/collections/no%20name", body, tenant=tenant)[0] == 422
    assert clients.collections().size(tenant, "x").tokens == 400
