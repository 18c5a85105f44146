"""From a dropped file to a cited answer, through every handler."""

import json
import time
from decimal import Decimal
from typing import Any

import pytest

from local.stack.places import ROOT
from quadrille import clients
from quadrille.config import settings
from quadrille.documents import Documents, Place, Status
from quadrille.ingest.index import index as run_index
from quadrille.messages import DocumentVersion
from quadrille.vectors import Vectors
from tests.integration.house import House, invoke, reset_caches, sqs_event

SAMPLES = ROOT / "local/samples"
QUESTION = "How long is the battery of the Aurora X2 under warranty?"


@pytest.fixture
def warranty(house: House, tenant: str) -> Place:
    place = Place(tenant, "default", "warranty-and-returns.pdf")
    house.drop(place.key, (SAMPLES / place.filename).read_bytes())
    house.work()
    return place


def shown(house: House, place: Place) -> dict[str, Any]:
    status, document = house.call("ingest/documents", "GET", f"/documents/{place.document_id}", tenant=place.tenant)
    assert status == 200
    return document


def asked(house: House, tenant: str, question: str = QUESTION, **more: Any) -> dict[str, Any]:
    status, answer = house.call("ask/answer", "POST", "/ask", {"question": question, **more}, tenant=tenant)
    assert status == 200, answer
    return answer


def test_a_dropped_pdf_becomes_ready_and_says_what_it_cost(house: House, warranty: Place) -> None:
    document = shown(house, warranty)
    assert (document["status"], document["version"], document["error"]) == ("ready", 1, None)
    assert document["pages"] == {"total": 4, "extracted": 4, "ocr": 0}
    assert document["chunks"]["total"] == document["chunks"]["embedded"] > 1
    assert Decimal(document["receipt"]["cost_usd"]) > 0
    assert document["receipt"]["calls"] == 1


def test_a_question_is_answered_with_the_page_and_the_verbatim_quote(house: House, warranty: Place) -> None:
    answer = asked(house, warranty.tenant)
    [citation] = answer["citations"]
    assert answer["supported"]
    assert (citation["filename"], citation["page"]) == (warranty.filename, 2)
    text = json.loads(house.s3.get_object(Bucket="bucket", Key=work(warranty, "text"))["Body"].read())["text"]
    assert text[citation["start"] : citation["end"]] == citation["quote"]
    assert "36 months" in citation["quote"]


def work(place: Place, name: str, version: int = 1) -> str:
    return f"work/{place.tenant}/{place.document_id}/{version}/{name}.json"


def test_the_same_question_again_costs_nothing_and_says_what_that_saved(house: House, warranty: Place) -> None:
    first, second = asked(house, warranty.tenant), asked(house, warranty.tenant)
    assert second["answer"] == first["answer"]
    assert (second["receipt"]["cost_usd"], second["receipt"]["calls"]) == ("0", 0)
    assert second["receipt"]["saved_usd"] == first["receipt"]["cost_usd"]


def test_with_the_cache_off_the_same_question_is_paid_for_again(house: House, warranty: Place) -> None:
    first, second = asked(house, warranty.tenant), asked(house, warranty.tenant, cache="off")
    assert second["receipt"]["cost_usd"] == first["receipt"]["cost_usd"]


def test_a_question_whose_own_limit_is_too_low_is_not_asked(house: House, warranty: Place) -> None:
    body = {"question": QUESTION, "max_cost_usd": "0.000001"}
    status, problem = house.call("ask/answer", "POST", "/ask", body, tenant=warranty.tenant)
    assert (status, problem["scope"], problem["limit_usd"]) == (402, "request", "0.000001")


def test_a_question_the_documents_do_not_answer_is_refused(house: House, warranty: Place) -> None:
    answer = asked(house, warranty.tenant, "What will the weather be like in Lisbon tomorrow?")
    assert (answer["supported"], answer["citations"]) == (False, [])
    assert warranty.filename in answer["answer"]


def test_an_empty_collection_is_refused_without_asking_the_chat_model(house: House, tenant: str) -> None:
    answer = asked(house, tenant)
    assert (answer["supported"], answer["receipt"]["models"]) == (False, ["offline-hashed-embedding"])


def test_another_tenant_finds_nothing_and_sees_nothing(house: House, warranty: Place) -> None:
    assert not asked(house, "stranger")["supported"]
    path = f"/documents/{warranty.document_id}"
    assert house.call("ingest/documents", "GET", path, tenant="stranger")[0] == 404
    assert house.call("ingest/documents", "GET", "/documents", tenant="stranger")[1]["items"] == []


def test_a_filter_keeps_the_search_to_the_documents_it_names(house: House, warranty: Place) -> None:
    assert asked(house, warranty.tenant, filter={"document_id": [warranty.document_id]})["supported"]
    assert not asked(house, warranty.tenant, filter={"filename": "other.pdf"})["supported"]


def test_a_search_gives_chunks_with_their_place(house: House, warranty: Place) -> None:
    body = {"query": QUESTION, "top_k": 2}
    status, found = house.call("ask/search", "POST", "/search", body, tenant=warranty.tenant)
    assert status == 200
    assert len(found["hits"]) == 2
    assert found["hits"][0]["score"] >= found["hits"][1]["score"]
    assert found["hits"][0]["document_id"] == warranty.document_id


def test_the_same_bytes_again_are_recognised_and_cost_nothing(house: House, warranty: Place) -> None:
    before = shown(house, warranty)
    house.drop(warranty.key, (SAMPLES / warranty.filename).read_bytes())
    assert house.work() == 1
    assert shown(house, warranty) == before


def test_the_same_bytes_under_another_name_are_not_paid_for_again(house: House, warranty: Place) -> None:
    copy = Place(warranty.tenant, "default", "copy.pdf")
    house.drop(copy.key, (SAMPLES / warranty.filename).read_bytes())
    house.work()
    receipt = shown(house, copy)["receipt"]
    assert (receipt["cost_usd"], receipt["calls"]) == ("0", 0)
    assert receipt["saved_usd"] == shown(house, warranty)["receipt"]["cost_usd"]


def test_a_new_version_replaces_the_old_one_in_what_is_found(house: House, tenant: str) -> None:
    place = Place(tenant, "default", "notes.md")
    for number in ("one", "two"):
        house.drop(place.key, f"# Notes\n\nThe secret number of the club is {number}.".encode())
        house.work()
    assert shown(house, place)["version"] == 2
    _, found = house.call("ask/search", "POST", "/search", {"query": "secret number"}, tenant=tenant)
    assert [hit["text"].split()[-1] for hit in found["hits"]] == ["two."]


def test_an_old_version_that_is_indexed_late_leaves_nothing_behind(house: House, tenant: str) -> None:
    place = Place(tenant, "default", "notes.md")
    house.drop(place.key, b"The secret number of the club is one.")
    house.work("extract", "chunk", "embed")
    [(_, late)] = house._receive("index")
    house.sqs.delete_message(QueueUrl=house.urls["index"], ReceiptHandle=late["ReceiptHandle"])
    advance = clients.documents().advance

    def overtaken(version: Any, status: Status, **values: Any) -> Any:
        row = advance(version, status, **values)
        if (status, version.version) == (Status.INDEXING, 1):
            house.drop(place.key, b"The secret number of the club is two.")
            house.work()
        return row

    slow = DocumentsDouble(clients.documents(), overtaken)
    run_index(
        DocumentVersion.model_validate_json(late["Body"]),
        documents=slow,  # type: ignore[arg-type]
        blobs=clients.blobs(),
        vectors=clients.vectors(),
        embed=clients.queue(house.urls["embed"]),
        per_request=50,
        per_batch=96,
        embedding=clients.embedding(),
        dimensions=settings().embedding_dimensions,
    )
    _, found = house.call("ask/search", "POST", "/search", {"query": "secret number"}, tenant=tenant)
    assert [hit["text"].split()[-1] for hit in found["hits"]] == ["two."]


class DocumentsDouble:
    """The documents table, with another `advance`."""

    def __init__(self, real: Documents, advance: Any) -> None:
        self.real, self.advance = real, advance

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def test_every_message_twice_ends_the_same_and_costs_the_same(house: House, tenant: str) -> None:
    place = Place(tenant, "default", "handbook.pdf")
    data = (SAMPLES / "employee-handbook.pdf").read_bytes()
    event = house.drop(place.key, data)
    for _ in range(2):
        for stage in ("extract", "chunk", "embed", "index"):
            deliver_twice(house, stage)
        house.sqs.send_message(QueueUrl=house.urls["extract"], MessageBody=json.dumps(event))
    document = shown(house, place)
    assert document["status"] == "ready"
    assert document["receipt"]["calls"] == 1


def deliver_twice(house: House, stage: str) -> None:
    while received := house._receive(stage):
        for _, message in received:
            invoke(f"ingest/{stage}", sqs_event(message))
            house._deliver(stage, message)


@pytest.mark.parametrize(
    ("filename", "data", "reason"),
    [
        ("empty.pdf", b" ", "empty"),
        ("photo.png", b"\x89PNG\r\n\x1a\nxxxx", "PNG image"),
        ("broken.pdf", b"%PDF-1.7 no more", "damaged"),
    ],
)
def test_a_file_that_cannot_be_read_fails_once_with_a_reason(
    house: House, tenant: str, filename: str, data: bytes, reason: str
) -> None:
    place = Place(tenant, "default", filename)
    house.drop(place.key, data)
    assert house.work() == 1
    document = shown(house, place)
    assert document["status"] == "failed"
    assert reason in document["error"]


def test_a_file_over_the_limit_is_refused_without_being_read(house: House, tenant: str) -> None:
    place = Place(tenant, "default", "huge.pdf")
    event = house.drop(place.key, b"x")
    house.sqs.purge_queue(QueueUrl=house.urls["extract"])
    event["detail"]["object"]["size"] = 10**9
    house.sqs.send_message(QueueUrl=house.urls["extract"], MessageBody=json.dumps(event))
    house.work()
    assert "the limit is 52428800" in shown(house, place)["error"]


def test_a_file_without_a_collection_is_noted_under_its_tenant(house: House, tenant: str) -> None:
    house.drop(f"uploads/{tenant}/lost.pdf", b"x")
    house.work()
    [document] = house.call("ingest/documents", "GET", "/documents", tenant=tenant)[1]["items"]
    assert document["status"] == "failed"
    assert "uploads/<tenant>/<collection>/<name>" in document["error"]


def test_an_error_of_ours_does_not_show_its_words_to_the_tenant(house: House, tenant: str) -> None:
    place = Place(tenant, "default", "notes.md")
    house.drop(place.key, b"The number is four.")
    house.work("extract")
    house.s3.put_object(Bucket="bucket", Key=work(place, "text"), Body=b"not what a stage left")
    [(_, message)] = house._receive("chunk")
    invoke("ingest/chunk", sqs_event(message, receives=5))
    assert shown(house, place)["error"] == "It failed 5 times and was set aside: the log says why"


def test_a_poisoned_message_fails_alone(house: House, tenant: str) -> None:
    place = Place(tenant, "default", "notes.md")
    house.drop(place.key, b"The number is four.")
    house.sqs.send_message(QueueUrl=house.urls["extract"], MessageBody="poison")
    received = [message for _, message in house._receive("extract")]
    answer = invoke("ingest/extract", sqs_event(*received))
    poisoned = next(message["MessageId"] for message in received if message["Body"] == "poison")
    assert answer["batchItemFailures"] == [{"itemIdentifier": poisoned}]
    house.work("chunk", "embed", "index")
    assert shown(house, place)["status"] == "ready"


def test_after_the_last_receive_the_document_says_so(house: House, tenant: str) -> None:
    place = Place(tenant, "default", "notes.md")
    house.drop(place.key, b"The number is four.")
    house.work("extract")
    house.s3.delete_object(Bucket="bucket", Key=work(place, "text"))
    [(_, message)] = house._receive("chunk")
    assert invoke("ingest/chunk", sqs_event(message, receives=4))["batchItemFailures"]
    assert shown(house, place)["status"] == "chunking"
    assert invoke("ingest/chunk", sqs_event(message, receives=5))["batchItemFailures"]
    assert "failed 5 times" in shown(house, place)["error"]


def test_a_document_waits_for_the_budget_and_goes_on(
    house: House, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAILY_BUDGET_USD", "0.000022")
    reset_caches()
    house.drop(f"uploads/{tenant}/default/first.md", b"The number is three, and this costs more than nothing." * 19)
    house.work()
    place = Place(tenant, "default", "notes.md")
    house.drop(place.key, b"The number is four, and this costs more than nothing." * 20)
    house.work("extract", "chunk")
    [(_, message)] = house._receive("embed")
    assert invoke("ingest/embed", sqs_event(message))["batchItemFailures"] == []
    house.sqs.delete_message(QueueUrl=house.urls["embed"], ReceiptHandle=message["ReceiptHandle"])
    waiting = shown(house, place)
    assert waiting["status"] == "budget"
    assert "day budget" in waiting["error"]
    monkeypatch.setenv("DAILY_BUDGET_USD", "5")
    reset_caches()
    time.sleep(1.1)
    house.work()
    assert (shown(house, place)["status"], shown(house, place)["error"]) == ("ready", None)


def test_a_batch_no_renewal_makes_fit_waits_until_the_limit_is_raised(house: House, tenant: str) -> None:
    clients.limits().set(tenant, "day", Decimal("0.000001"))
    place = Place(tenant, "default", "notes.md")
    house.drop(place.key, b"The number is four, and this costs more than nothing." * 20)
    house.work()
    assert shown(house, place)["status"] == "budget"
    assert shown(house, place)["error"].endswith("raise it and try again.")
    clients.limits().set(tenant, "day", None)
    time.sleep(1.1)
    house.work()
    assert shown(house, place)["status"] == "ready"


def test_a_failed_document_stays_failed_when_its_other_batches_end(
    house: House, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMBED_BATCH", "1")
    reset_caches()
    place = Place(tenant, "default", "notes.md")
    house.drop(place.key, b"\n\n".join(b"The number of house %d is four. " % n * 60 for n in range(3)))
    house.work("extract", "chunk")
    row = clients.documents().get(tenant, place.document_id)
    assert row["batches_total"] > 1
    version = DocumentVersion(tenant=tenant, document_id=place.document_id, version=1)
    clients.documents().fail(version, "one batch was refused")
    house.sqs.receive_message(QueueUrl=house.urls["embed"])
    [(_, message), *_] = house._receive("embed")
    invoke("ingest/embed", sqs_event(message))
    assert (shown(house, place)["status"], shown(house, place)["error"]) == ("failed", "one batch was refused")


@pytest.mark.parametrize("data", ["\ufeff \u3000\u2028".encode(), b"\x0c\x0b", "\u00a0\n".encode("utf-16")], ids=str)
def test_a_file_of_blanks_is_empty(house: House, tenant: str, data: bytes) -> None:
    place = Place(tenant, "default", "blank.txt")
    house.drop(place.key, data)
    assert house.work() == 1
    assert shown(house, place)["error"] == "The file is empty."


def test_a_form_cannot_be_made_for_any_file(house: House, tenant: str) -> None:
    body = {"filename": "${filename}", "size": 3}
    assert house.call("ingest/uploads", "POST", "/documents", body, tenant=tenant)[0] == 422


def test_a_provider_that_is_down_makes_a_document_wait_and_burns_no_receive(
    house: House, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tenant, "default", "notes.md")
    house.drop(place.key, b"The number is four.")
    house.work("extract", "chunk")
    with monkeypatch.context() as patched:
        patched.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")  # nobody listens
        reset_caches()
        [(_, message)] = house._receive("embed")
        assert invoke("ingest/embed", sqs_event(message, receives=5))["batchItemFailures"] == []
        house.sqs.delete_message(QueueUrl=house.urls["embed"], ReceiptHandle=message["ReceiptHandle"])
        waiting = shown(house, place)
        assert (waiting["status"], waiting["error"]) == ("embedding", "The model provider is throttling or down.")
    reset_caches()
    time.sleep(5)
    house.work()
    assert (shown(house, place)["status"], shown(house, place)["error"]) == ("ready", None)
    assert shown(house, place)["receipt"]["calls"] == 1


def found(house: House, tenant: str) -> list[str]:
    """What a search for the secret number finds: the last words."""
    _, body = house.call("ask/search", "POST", "/search", {"query": "secret number"}, tenant=tenant)
    return [hit["text"].split()[-1] for hit in body["hits"]]


def two_versions(house: House, tenant: str) -> tuple[Place, dict[str, Any]]:
    """A document whose first version is live and whose second is being indexed; the message that made the first."""
    place = Place(tenant, "default", "notes.md")
    house.drop(place.key, b"The secret number of the club is one.")
    house.work("extract", "chunk", "embed")
    [(_, first)] = house._receive("index")
    house._deliver("index", first)
    house.drop(place.key, b"The secret number of the club is two.")
    house.work("extract", "chunk", "embed")
    return place, first


def test_readers_see_the_old_version_until_the_new_one_is_complete(house: House, tenant: str) -> None:
    two_versions(house, tenant)
    assert found(house, tenant) == ["one."]
    house.work()
    assert found(house, tenant) == ["two."]


def test_a_late_duplicate_of_the_live_version_takes_nothing_from_its_readers(house: House, tenant: str) -> None:
    _, first = two_versions(house, tenant)
    invoke("ingest/index", sqs_event(first))
    assert found(house, tenant) == ["one."]


def test_a_new_version_that_fails_leaves_the_old_one_readable(house: House, tenant: str) -> None:
    place, _ = two_versions(house, tenant)
    clients.documents().fail(DocumentVersion(tenant=tenant, document_id=place.document_id, version=2), "no")
    assert (shown(house, place)["status"], found(house, tenant)) == ("failed", ["one."])


def test_vectors_a_dead_worker_left_behind_are_never_shown_and_go_with_the_next_delivery(
    house: House, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_versions(house, tenant)
    [(_, second)] = house._receive("index")
    with monkeypatch.context() as patched:
        patched.setattr(Vectors, "delete", lambda *_, **__: None)  # the worker died before this
        invoke("ingest/index", sqs_event(second))
    assert found(house, tenant) == ["two."]
    invoke("ingest/index", sqs_event(second))
    stored = clients.vectors().query(tenant, [1.0] + [0.0] * 1535, top_k=9, where={})
    assert [match.metadata["version"] for match in stored] == [2]


MAIL = b"""From: a@example.com
To: b@example.com
Subject: The number
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=x

--x
Content-Type: text/plain

The number of the house is in the file.
--x
Content-Type: text/plain; name="../number.txt"
Content-Disposition: attachment; filename="../number.txt"

The number of the house is seven.
--x--
"""


def test_a_mails_attachment_becomes_a_document_beside_it(house: House, tenant: str) -> None:
    mail = Place(tenant, "default", "inbox/first.eml")
    house.drop(mail.key, MAIL)
    house.work()
    assert shown(house, mail)["status"] == "ready"
    assert clients.documents().get(tenant, mail.document_id)["attachments"] == 1
    objects = house.s3.list_objects_v2(Bucket="bucket", Prefix=f"uploads/{tenant}/")["Contents"]
    assert [item["Key"] for item in objects] == [mail.key, f"{mail.key}/_number.txt"]


def test_an_attachment_that_lies_too_deep_is_missing(house: House, tenant: str) -> None:
    mail = Place(tenant, "default", "first.eml")
    house.drop(mail.key, MAIL)
    house.s3.put_object(Bucket="bucket", Key=mail.key, Body=MAIL, Metadata={"depth": "3"})
    house.work()
    document = shown(house, mail)
    assert document["status"] == "partial"
    assert document["missing"] == [
        {"attachment": "_number.txt", "reason": "The attachment lies more than 3 mails deep, which is the limit."}
    ]


def test_a_damaged_image_fails_with_a_reason(house: House, tenant: str) -> None:
    place = Place(tenant, "default", "photo.txt")
    house.drop(place.key, b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x05\x00\x00\x00\x05")
    house.work()
    assert "The image is damaged." in shown(house, place)["error"]
