"""A worker killed before or after every call it makes: the work ends right, and the books say what was paid."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from quadrille import clients
from quadrille.calls import Call
from quadrille.costs import Cost
from quadrille.documents import Place
from quadrille.errors import RetryLater
from quadrille.ingest.reading import Recognised
from quadrille.ingest.reading.contained import Reader
from quadrille.ledger import Ledger
from tests.integration.conftest import Clock, Provider
from tests.integration.house import QUEUES, House, reset_caches
from tests.integration.kills import Executioner, executioner, last_of_each, singles_and_pairs
from tests.integration.test_pipeline import shown
from tests.scans import blank, scan

PAIRS = pytest.mark.parametrize("pairs", [False, pytest.param(True, marks=pytest.mark.pairs)], ids=["once", "twice"])
EVERY = pytest.mark.parametrize(
    "every", [False, pytest.param(True, marks=pytest.mark.pairs)], ids=["after-each-kind-of-call", "everywhere"]
)
STAGES = ("extract", "chunk", "embed", "summarize", "index")
TEXT = b"The secret number of the club is four."


def ingested(
    house: House, killer: Executioner, due: list[int], *stages: str, name: str = "notes.md", data: bytes = TEXT
) -> Place:
    """A document ingested while its workers are killed, up to the end or of some stages."""
    place = Place(f"t{uuid4().hex[:12]}", "default", name)
    house.drop(place.key, data)
    killer.begin(due)
    house.work(*stages)
    killer.due = []
    return place


def costs_of(tenant: str) -> Cost:
    days, _ = clients.costs().by("day", tenant, "2020-01-01", "2099-01-01", after=None, limit=1)
    return sum((cost for _, cost in days), Cost())


def require_books_right(tenant: str, requests: int, kills: int) -> None:
    """Nothing is reserved, and each request was either paid for with a result or is among the ambiguous."""
    cost = costs_of(tenant)
    assert cost.reserved == 0
    assert cost.calls <= requests <= cost.calls + cost.ambiguous
    assert cost.ambiguous <= kills


@PAIRS
def test_an_ingest_killed_anywhere_ends_ready_and_pays_once(house: House, killer: Executioner, pairs: bool) -> None:
    for _ in range(2):  # the first one also reads secrets
        ingested(house, killer, [])
    moments = len(killer.passed)
    assert moments > 40
    for due in singles_and_pairs(moments, pairs=pairs):
        place = ingested(house, killer, due)
        document = shown(house, place)
        assert (document["status"], document["error"]) == ("ready", None), killer.passed
        assert document["chunks"] == {"total": 1, "embedded": 1, "reused": 0}, killer.passed
        require_books_right(place.tenant, killer.requests, kills=len(due))
        vector = [1.0] + [0.0] * 1535
        assert len(clients.vectors().query(place.tenant, vector, top_k=9, where={})) == 1, killer.passed


@EVERY
def test_a_document_of_200_chunks_killed_in_any_stage_costs_what_an_undisturbed_one_does(
    house: House, killer: Executioner, monkeypatch: pytest.MonkeyPatch, every: bool
) -> None:
    """Two batches, and a summary of two parts and both; chunks are small, which saves time."""
    for name, value in {"CHUNK_TOKENS": "40", "CHUNK_OVERLAP_TOKENS": "4", "SUMMARY_OVER_TOKENS": "4000"}.items():
        monkeypatch.setenv(name, value)
    reset_caches()
    text = "\n\n".join(f"Record {number}. " + "It was filed on a day of rain. " * 4 for number in range(200)).encode()
    ingested(house, killer, [], data=text)  # the first one also reads secrets
    whole = shown(house, ingested(house, killer, [], data=text))
    assert (whole["status"], whole["chunks"]["total"], whole["receipt"]["ambiguous"]) == ("ready", 200, 0)
    requests, moments = killer.requests, range(len(killer.passed)) if every else last_of_each(killer.passed)
    assert {what.split()[0] for what in killer.passed} >= {f"ingest/{stage}" for stage in STAGES}
    for moment in moments:
        place = ingested(house, killer, [moment], data=text)
        document = shown(house, place)
        receipt = document["receipt"]
        assert (document["status"], document["error"]) == ("ready", None), killer.passed
        assert document["chunks"] == whole["chunks"]
        assert document["summary"] == whole["summary"]
        assert len(clients.vectors().ids(place.tenant, prefix=document["document_id"])) == 200
        require_books_right(place.tenant, killer.requests, kills=1)
        assert (receipt["calls"], receipt["tokens"]) == (whole["receipt"]["calls"], whole["receipt"]["tokens"])
        lost = costs_of(place.tenant).ambiguous_usd  # the whole ceiling of a call that may have been billed
        assert Decimal(receipt["cost_usd"]) - lost == Decimal(whole["receipt"]["cost_usd"]), killer.passed
        assert killer.requests <= requests + receipt["ambiguous"]


@PAIRS
def test_a_scan_whose_readers_are_killed_anywhere_is_read_whole(
    house: House, killer: Executioner, monkeypatch: pytest.MonkeyPatch, pairs: bool
) -> None:
    monkeypatch.setenv("OCR_PAGES", "1")
    reset_caches()
    monkeypatch.setattr(Reader, "recognise", lambda _, __, page, *___: Recognised(f"This is page {page}.", 90))
    data = scan([blank(), blank()])

    def scanned(due: list[int]) -> Place:
        return ingested(house, killer, due, "extract", "ocr", name="scan.pdf", data=data)

    for _ in range(2):
        scanned([])
    moments = len(killer.passed)
    assert moments > 40
    places = [scanned(due) for due in singles_and_pairs(moments, pairs=pairs)]
    house.work(*QUEUES, at_most=10 * len(places))
    for place in places:
        document = shown(house, place)
        assert (document["status"], document["error"], document["missing"]) == ("ready", None, [])
        assert document["pages"] == {"total": 2, "extracted": 2, "ocr": 2}
        assert document["receipt"]["calls"] == 1


@PAIRS
def test_a_question_killed_anywhere_is_answered_when_it_is_asked_again(
    house: House, killer: Executioner, pairs: bool
) -> None:
    tenant = ingested(house, killer, []).tenant
    requests = killer.requests

    def ask(number: int) -> tuple[int, Any]:
        question = {"question": f"What is the secret number of the club, asked the {number}th time?"}
        return house.call("ask/answer", "POST", "/ask", question, tenant=tenant)

    for number in (-2, -1):  # the first one also reads secrets
        killer.begin([])
        assert ask(number)[1]["supported"]
        requests += killer.requests
    moments = len(killer.passed)
    assert moments > 12
    kills = 0
    for number, due in enumerate(singles_and_pairs(moments, pairs=pairs)):
        killer.begin(due)
        assert ask(number) == (0, None), killer.passed
        answer = next(answer for _ in due if (answer := ask(number)) != (0, None))
        assert answer[1].get("supported"), (answer, killer.passed)
        requests += killer.requests
        kills += len(due) - len(killer.due)
    require_books_right(tenant, requests, kills)


@pytest.mark.parametrize("as_blob", [False, True], ids=["inline", "blob"])
def test_a_payment_killed_anywhere_twice_is_settled_right(
    ledger: Ledger,
    call: Callable[..., Call],
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    as_blob: bool,
) -> None:
    killer = executioner(monkeypatch)

    def attempt(request: str, send: Callable[[], Any]) -> Any:
        made = call(request={"input": request}, as_blob=as_blob, deadline=clock.now() + 20, ceiling=Decimal("0.001"))
        try:
            return ledger.pay(made, send)
        except RetryLater:
            return None

    def paid(request: str, due: list[int]) -> Provider:
        """Deliver until there is a result; time passes after a kill."""
        provider = Provider(cost=Decimal("0.0004"))

        def send() -> Any:
            killer.tick("before the provider")
            reply = provider()
            killer.tick("after the provider")
            return reply

        killer.begin(due)
        for _ in range(5):
            done = killer.run(lambda: attempt(request, send))
            if done:
                assert done.result == b"reply"
                return provider
            clock.time += 31
        raise AssertionError(f"never paid: {due} {killer.passed}")

    paid("clean", [])
    moments = len(killer.passed)
    object.__setattr__(ledger.limits, "defaults", {**ledger.limits.defaults, "day": Decimal(100)})
    bills = 1
    for due in singles_and_pairs(moments, pairs=True):
        provider = paid(f"{due}", due)
        assert 1 <= provider.bills <= 1 + len(due)
        bills += provider.bills
    rows = [{name: Decimal(row[name]["N"]) for name in ("spent", "committed")} for row in spending(ledger)]
    assert all(row["spent"] == row["committed"] for row in rows)
    assert sum(row["spent"] for row in rows) >= bills * Decimal("0.0004")


def spending(ledger: Ledger) -> list[Any]:
    pages = ledger.claims.dynamodb.get_paginator("scan").paginate(
        TableName=ledger.claims.table,
        FilterExpression="begins_with(pk, :spend)",
        ExpressionAttributeValues={":spend": {"S": "spend#"}},
    )
    return [item for page in pages for item in page["Items"]]
