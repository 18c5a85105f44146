"""Textract instead of Tesseract: a page is paid for once, within the budget, and a refusal is what it is."""

from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError
from moto.textract.models import TextractBackend

from quadrille import clients
from quadrille.calls import Payer
from quadrille.documents import Place
from quadrille.errors import AmbiguousCall, Busy, ProviderRefused, Unreadable
from quadrille.ledger import Ledger
from quadrille.prices import Prices
from quadrille.textract import MODEL, Detected, Textract
from tests.integration.conftest import Clock
from tests.integration.house import House, reset_caches
from tests.integration.test_estimate import confirmed
from tests.integration.test_ocr import SCAN, deliver, ingested
from tests.integration.test_pipeline import shown
from tests.integration.test_retry import retry

PRICE = Decimal("0.0015")
BLOCKS = [
    {"BlockType": "PAGE"},
    {"BlockType": "LINE", "Text": "The number of the house is nine.", "Confidence": 99.1},
    {"BlockType": "LINE", "Text": "It has always been.", "Confidence": 96.1},
    {"BlockType": "WORD", "Text": "The", "Confidence": 99.1},
]


@pytest.fixture
def place(house: House, tenant: str, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("OCR_ENGINE", "textract")
    monkeypatch.setenv("OCR_PAGES", "2")
    reset_caches()
    monkeypatch.setattr(TextractBackend, "BLOCKS", BLOCKS)
    return Place(tenant, "default", "scan.pdf")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The pictures that were sent."""
    pictures: list[bytes] = []
    ask = Textract._ask

    def counted(self: Textract, picture: bytes) -> Any:
        pictures.append(picture)
        return ask(self, picture)

    monkeypatch.setattr(Textract, "_ask", counted)
    return pictures


def ocr_cost(place: Place) -> Decimal:
    """What a tenant has paid for Textract."""
    models, _ = clients.costs().by("model", place.tenant, "2020-01-01", "2099-01-01", after=None, limit=9)
    return sum((cost.spent for name, cost in models if name == MODEL), Decimal(0))


def test_a_scan_is_read_page_by_page_and_its_receipt_says_so(house: House, place: Place, sent: list[bytes]) -> None:
    document = ingested(house, place, SCAN)
    assert (document["status"], document["pages"]) == ("ready", {"total": 3, "extracted": 3, "ocr": 3})
    assert (len(sent), ocr_cost(place)) == (3, 3 * PRICE)
    assert MODEL in document["receipt"]["models"]
    answer = house.call(
        "ask/answer", "POST", "/ask", {"question": "What is the number of the house?"}, tenant=place.tenant
    )
    assert answer[1]["citations"][0]["quote"] == "The number of the house is nine."


def test_a_duplicate_delivery_and_the_same_page_elsewhere_pay_nothing(
    house: House, place: Place, sent: list[bytes]
) -> None:
    house.drop(place.key, SCAN)
    house.work("extract")
    for message in house._receive("ocr") * 2:
        deliver(message)
    house.work()
    copy = Place(place.tenant, "default", "copy.pdf")
    assert ingested(house, copy, SCAN)["receipt"]["cost_usd"] == "0"
    assert (len(sent), ocr_cost(place)) == (3, 3 * PRICE)


def test_what_the_budget_does_not_cover_waits_and_what_was_read_is_not_paid_again(
    house: House, place: Place, sent: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCUMENT_BUDGET_USD", "0.004")  # two pages
    reset_caches()
    house.drop(place.key, SCAN)
    house.work("extract")
    for message in house._receive("ocr"):
        deliver(message)
        house.sqs.delete_message(QueueUrl=house.urls["ocr"], ReceiptHandle=message[1]["ReceiptHandle"])
    assert (shown(house, place)["status"], len(sent)) == ("budget", 2)
    house.call("system/budgets", "PUT", "/budgets/document", {"limit_usd": "1"}, tenant=place.tenant, scopes="admin")
    retry(house, place)
    house.work()
    assert (shown(house, place)["status"], len(sent), ocr_cost(place)) == ("ready", 3, 3 * PRICE)


def test_what_is_to_be_confirmed_waits_before_a_page_is_paid_for(house: House, place: Place, sent: list[bytes]) -> None:
    body = {"filename": place.filename, "size": len(SCAN), "confirm": True}
    house.call("ingest/uploads", "POST", "/documents", body, tenant=place.tenant)
    waiting = ingested(house, place, SCAN)
    assert (waiting["status"], waiting["receipt"]["calls"], sent) == ("waiting", 0, [])
    assert waiting["estimate"]["calls"]["ocr"] == 3
    assert confirmed(house, place) == 202
    document = shown(house, place)
    assert (document["status"], len(sent)) == ("ready", 3)
    assert 0 < Decimal(document["receipt"]["cost_usd"]) <= Decimal(document["estimate"]["cost_usd"])


def test_a_page_textract_refuses_is_missing_and_harms_no_other(
    house: House, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = type("Client", (), {"detect_document_text": failing(None, error("BadDocumentException", 400))})
    monkeypatch.setattr(clients, "_textract", lambda: client)
    document = ingested(house, place, SCAN)
    assert document["status"] == "partial"
    assert document["missing"] == [{"page": 2, "reason": "Textract refused the page: BadDocumentException: no"}]


def error(code: str, status: int) -> ClientError:
    about: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(about, "DetectDocumentText")


def failing(*failures: Exception | None) -> Any:
    """A method that fails so, one time after the other, and then answers."""
    left = list(failures)

    def method(**_: Any) -> Any:
        failure = left.pop(0) if left else None
        if failure:
            raise failure
        return {"Blocks": BLOCKS}

    return method


class Caller:
    """Textract with a client that fails as it is told to."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self.ledger, self.clock, self.client = ledger, clock, type("Client", (), {})()
        gate = type("Gate", (), {"wait": lambda *_, **__: None, "hold": lambda *_: None})()
        gate.guard = lambda _, request, failures: request()
        self.textract = Textract(lambda: self.client, ledger, gate, Prices({}), clock.now, clock.sleep)

    def detect(self, *failures: Exception) -> Detected:
        self.client.detect_document_text = failing(*failures)
        payer = Payer(
            tenant="acme", subject="documents/d/1/ocr/1", deadline=self.clock.now() + 60, ends_at=self.clock.now() + 70
        )
        return self.textract.detect(b"a picture", payer)


@pytest.fixture
def caller(ledger: Ledger, clock: Clock) -> Caller:
    return Caller(ledger, clock)


def test_the_lines_come_with_their_confidence_and_their_price(caller: Caller) -> None:
    detected = caller.detect()
    assert detected.text == "The number of the house is nine.\nIt has always been."
    assert (detected.confidence, detected.receipt.cost_usd, detected.receipt.calls) == (98, PRICE, 1)


@pytest.mark.parametrize(
    "failure",
    [
        error("ThrottlingException", 400),
        error("ProvisionedThroughputExceededException", 400),
        error("InternalServerError", 500),
        EndpointConnectionError(endpoint_url="x"),
    ],
    ids=str,
)
def test_what_was_certainly_not_billed_is_sent_again(caller: Caller, failure: Exception) -> None:
    with pytest.raises(Busy):
        caller.detect(*[failure] * 4)
    assert (detected := caller.detect(failure)).receipt.retries == 1
    assert detected.receipt.cost_usd == PRICE


@pytest.mark.parametrize(
    ("failure", "raised"),
    [
        (error("AccessDeniedException", 400), ProviderRefused),
        (NoCredentialsError(), ProviderRefused),
        (error("DocumentTooLargeException", 400), Unreadable),
        (error("Odd", 502), AmbiguousCall),
        (ReadTimeoutError(endpoint_url="x"), AmbiguousCall),
    ],
    ids=str,
)
def test_what_is_refused_or_lost_says_which(caller: Caller, failure: Exception, raised: type[Exception]) -> None:
    with pytest.raises(raised) as error:
        caller.detect(failure)
    assert (getattr(error.value, "receipt", None) is not None) == (raised is AmbiguousCall)
    assert caller.detect().receipt.cost_usd == PRICE
