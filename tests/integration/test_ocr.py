"""Scanned pages: read in ranges, joined once, whatever happens to a worker on the way."""

import json
from typing import Any

import pytest
from fpdf import FPDF

from quadrille import clients
from quadrille.documents import Place
from quadrille.errors import TooLarge
from quadrille.ingest.reading.contained import Reader
from quadrille.messages import DocumentVersion
from tests.integration.house import House, invoke, reset_caches, sqs_event
from tests.integration.test_pipeline import shown, work
from tests.integration.test_retry import retry
from tests.scans import blank, drawn, scan

PAGES = ["The first number is four.", "The second number is seven.", "The third number is nine."]
SCAN = scan([drawn(text) for text in PAGES])


@pytest.fixture(autouse=True)
def _a_page_a_range(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCR_PAGES", "1")
    reset_caches()


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The pages that were read by OCR, each time they were."""
    pages: list[int] = []
    recognise = Reader.recognise

    def counted(self: Reader, data: bytes, page: int, *more: Any) -> Any:
        pages.append(page)
        return recognise(self, data, page, *more)

    monkeypatch.setattr(Reader, "recognise", counted)
    return pages


@pytest.fixture
def place(tenant: str) -> Place:
    return Place(tenant, "default", "scan.pdf")


def ingested(house: House, place: Place, data: bytes) -> dict[str, Any]:
    house.drop(place.key, data)
    house.work()
    return shown(house, place)


def text_of(house: House, place: Place, version: int = 1) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(
        house.s3.get_object(Bucket="bucket", Key=work(place, "text", version))["Body"].read()
    )
    return stored


def mixed() -> bytes:
    """A PDF of a text page, a scan lying on its side, an empty sheet that was scanned, and a text page."""
    made = FPDF(format="A4")
    made.set_font("helvetica", size=12)
    for picture, text in ((None, "first"), (drawn(turn=90), ""), (blank(), ""), (None, "last")):
        made.add_page()
        if picture:
            made.image(picture, x=0, y=0, w=210)
        made.multi_cell(w=190, text=f"This is the {text} page, which has a text layer of its own. " * 3 if text else "")
    return bytes(made.output())


def test_a_scan_becomes_ready_and_is_cited_by_its_page(house: House, place: Place) -> None:
    document = ingested(house, place, SCAN)
    assert (document["status"], document["error"], document["missing"]) == ("ready", None, [])
    assert document["pages"] == {"total": 3, "extracted": 3, "ocr": 3}
    stored = text_of(house, place)
    assert [stored["text"][page["start"] : page["end"]] for page in stored["pages"]] == PAGES
    _, found = house.call("ask/search", "POST", "/search", {"query": "second number"}, tenant=place.tenant)
    assert found["hits"][0]["page"] == 2
    answer = house.call("ask/answer", "POST", "/ask", {"question": "What is the second number?"}, tenant=place.tenant)[
        1
    ]
    assert [citation["page"] for citation in answer["citations"]] == [2]


def test_only_pages_without_a_text_layer_are_read_and_an_empty_one_is_missing(
    house: House, place: Place, read: list[int]
) -> None:
    document = ingested(house, place, mixed())
    assert sorted(read) == [2, 3]
    assert document["status"] == "partial"
    assert document["missing"] == [{"page": 3, "reason": "OCR found no text on the page."}]
    assert document["pages"] == {"total": 4, "extracted": 3, "ocr": 1}
    stored = text_of(house, place)
    first, second, third, fourth = (stored["text"][page["start"] : page["end"]] for page in stored["pages"])
    assert first.startswith("This is the first")
    assert second.startswith("The secret number of the club is four.")
    assert third == ""
    assert fourth.startswith("This is the last")


def test_progress_can_be_read_while_pages_are(house: House, place: Place) -> None:
    house.drop(place.key, SCAN)
    house.work("extract")
    before = shown(house, place)
    assert (before["status"], before["pages"]) == ("ocr", {"total": 3, "extracted": 0, "ocr": 0})
    assert [gap["page"] for gap in before["missing"]] == [1, 2, 3]
    deliver(house._receive("ocr")[0])
    assert shown(house, place)["pages"] == {"total": 3, "extracted": 1, "ocr": 1}


def deliver(message: tuple[str, Any]) -> None:
    assert invoke("ingest/ocr", sqs_event(message[1])) == {"batchItemFailures": []}


def test_what_is_delivered_twice_is_read_once_and_sent_on_again(house: House, place: Place, read: list[int]) -> None:
    event = house.drop(place.key, SCAN)
    house.sqs.send_message(QueueUrl=house.urls["extract"], MessageBody=json.dumps(event))
    house.work("extract")
    messages = house._receive("ocr")
    assert len(messages) == 6
    for message in messages:
        deliver(message)
    assert sorted(read) == [1, 2, 3]
    house.work("chunk", "embed", "index")
    document = shown(house, place)
    for message in messages:
        deliver(message)
    house.work()
    assert shown(house, place) == document
    assert (document["status"], document["receipt"]["calls"], len(read)) == ("ready", 1, 3)


def test_a_page_that_fails_harms_no_other(house: House, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    recognise = Reader.recognise

    def fails(self: Reader, data: bytes, page: int, *more: Any) -> Any:
        if page == 2:
            raise TooLarge("Reading the page takes longer than 25 s, which is the limit.")
        return recognise(self, data, page, *more)

    monkeypatch.setattr(Reader, "recognise", fails)
    document = ingested(house, place, SCAN)
    assert document["status"] == "partial"
    assert document["missing"] == [
        {"page": 2, "reason": "Reading the page takes longer than 25 s, which is the limit."}
    ]
    assert document["pages"] == {"total": 3, "extracted": 2, "ocr": 2}


def test_a_scan_without_any_text_fails_with_a_reason(house: House, place: Place) -> None:
    document = ingested(house, place, scan([blank(), blank()]))
    assert (document["status"], document["pages"]["ocr"]) == ("failed", 0)
    assert document["error"] == "Nothing in the file can be read as text. OCR found no text on the page."
    assert [gap["page"] for gap in document["missing"]] == [1, 2]


def test_a_retry_reads_the_missing_ranges_only(house: House, place: Place, read: list[int]) -> None:
    house.drop(place.key, SCAN)
    house.work("extract")
    first, *_ = house._receive("ocr")
    deliver(first)
    house.sqs.purge_queue(QueueUrl=house.urls["ocr"])
    version = DocumentVersion(tenant=place.tenant, document_id=place.document_id, version=1)
    clients.documents().fail(version, "the message was set aside")
    assert retry(house, place) == 202
    house.work()
    assert (shown(house, place)["status"], sorted(read)) == ("ready", [1, 2, 3])


def test_a_redriven_range_brings_back_those_that_were_dropped(house: House, place: Place, read: list[int]) -> None:
    house.drop(place.key, SCAN)
    house.work("extract")
    [(_, first), *others] = house._receive("ocr")
    version = DocumentVersion(tenant=place.tenant, document_id=place.document_id, version=1)
    clients.documents().fail(version, "It failed 5 times and was set aside.")
    for pair in others:
        deliver(pair)
    house.sqs.purge_queue(QueueUrl=house.urls["ocr"])
    dead = clients.stage_queue("ocr").dead_letters().url
    house.sqs.send_message(QueueUrl=dead, MessageBody=first["Body"])
    answer = invoke("ingest/dead_letters", {"action": "redrive", "stage": "ocr"})
    assert (answer["redriven"], answer["left"]) == (1, 0)
    house.work()
    assert shown(house, place)["status"] == "ready"
    assert sorted(read) == [1, 2, 3]


def test_a_retry_after_the_last_range_goes_on_from_there(house: House, place: Place, read: list[int]) -> None:
    house.drop(place.key, SCAN)
    house.work("extract", "ocr")
    house.sqs.purge_queue(QueueUrl=house.urls["chunk"])
    version = DocumentVersion(tenant=place.tenant, document_id=place.document_id, version=1)
    clients.documents().fail(version, "the message was set aside")
    retry(house, place)
    house.work()
    assert (shown(house, place)["status"], len(read)) == ("ready", 3)


def test_a_late_range_revives_no_version_that_failed(house: House, place: Place) -> None:
    house.drop(place.key, SCAN)
    house.work("extract")
    version = DocumentVersion(tenant=place.tenant, document_id=place.document_id, version=1)
    clients.documents().fail(version, "no")
    house.work()
    assert shown(house, place)["error"] == "no"


def test_a_file_that_was_replaced_meanwhile_is_read_as_its_own_version(
    house: House, place: Place, read: list[int]
) -> None:
    house.drop(place.key, SCAN)
    house.work("extract")
    house.drop(place.key, scan([drawn("Something else is here.")]))
    house.work("ocr")
    assert read == []
    house.work()
    document = shown(house, place)
    assert (document["status"], document["version"], document["pages"]["total"]) == ("ready", 2, 1)
    assert text_of(house, place, version=2)["text"] == "Something else is here."


def test_a_file_that_was_removed_meanwhile_fails_its_version(house: House, place: Place) -> None:
    house.drop(place.key, SCAN)
    house.work("extract")
    house.s3.delete_object(Bucket="bucket", Key=place.key)
    house.work()
    assert "removed before it was read" in shown(house, place)["error"]


def test_a_deleted_scan_leaves_nothing(house: House, place: Place) -> None:
    ingested(house, place, SCAN)
    house.call("ingest/documents", "DELETE", f"/documents/{place.document_id}", tenant=place.tenant)
    house.work()
    assert "Contents" not in house.s3.list_objects_v2(Bucket="bucket", Prefix=f"work/{place.tenant}/")
